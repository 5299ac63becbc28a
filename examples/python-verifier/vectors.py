"""Runs the verifiers over vectors: python3 vectors.py ../../docs/vectors/*.json"""

import json, sys
import writer
from sessions import Sessions, sha
from verify import Verifier


def attempt(check, *arguments):
    try:
        return check(*arguments)
    except ValueError:
        return None


def of_outcomes(cluster, vectors):
    """Each vector's name, and whether the verifier judges it as it says."""
    names = ("tid", "outcome", "reason", "votes")
    for v in vectors["proofs"]:
        own = Verifier({**cluster, "agreement": v.get("agreement", "three-phase")})
        found = attempt(own.proof, bytes.fromhex(v["proof"]))
        yield v["name"], (found and {**dict(zip(names, found)), "votes": dict(found[3])}) == v["proves"]


def of_sessions(cluster, vectors):
    """The same for what owners and replicas sign."""
    own = Sessions(cluster)
    for v in vectors["runs"]:
        session, heads, text = own.run(v)
        derived = {"session": session, "heads": heads, "text": text.decode()}
        right = all(v[name] == value for name, value in derived.items())
        yield v["name"], right and (attempt(own.signed_run, v) is not None) == v["holds"]
    for v in vectors["statements"]:
        yield v["name"], writer.statement(own.id, v["statement"]).hex() == v["bytes"]
    for kind in ("result", "transfers", "standing"):
        for v in vectors[kind.rstrip("s") + "s"]:
            data = getattr(writer, kind)(v[kind])
            yield v["name"], sha(data) == v["digest"] and v.get("bytes") in (None, data.hex())
    for v in vectors["histories"]:
        yield v["name"], own.history(v["statement"]) == v["digest"]
    for v in vectors["proofs"]:
        yield v["name"], attempt(own.proof, v["proof"]) == v["proves"]


failed = False
for path in sys.argv[1:]:
    with open(path) as file:
        vectors = json.load(file)
    judge = of_sessions if "runs" in vectors else of_outcomes
    judged = list(judge(vectors["cluster"], vectors))
    wrong = [name for name, right in judged if not right]
    failed = failed or wrong
    print(f"{len(judged)} vectors, wrong: {wrong or 'none'}")
sys.exit(1 if failed else 0)
