"""What owners and replicas sign in sessions, and what it proves, written from docs/formats.md alone.

Run `python3 sessions.py CLUSTER.json PROOF.json`. Exit status 0: valid. 1: not valid, and why.
"""

import base64, json, sys
from hashlib import sha256
import batch, p256
from reader import need
from writer import digest, outcome, statement


def sha(*parts): return sha256(b"".join(parts)).hexdigest()
def lines(*parts): return "\n".join(map(str, parts)).encode()


class Sessions:
    def __init__(self, cluster):
        self.id, self.f = cluster["id"], cluster["f"]
        self.keys = {member["id"]: bytes.fromhex(member["statementKey"]) for member in cluster["coordinators"]}

    def run(self, run):
        """The session id, the head after each operation, and the text that the owner signs."""
        h, head, heads = run["header"], run["before"], []
        certificate = sha(bytes.fromhex(h["certificate"]))
        session = sha(lines("concordat/1 session", self.id, h["application"], h["owner"], certificate, h["nonce"]))
        for at, call in enumerate(run["operations"], run["first"]):
            payload = sha(call.get("payload", "").encode())
            head = sha(lines("concordat/1 operation", head, at, call["kind"], payload))
            heads.append(head)
        return session, heads, lines("concordat/1 session operation", self.id, session, at, head)

    def signed_run(self, run):
        """The id of the session that the owner signed this run of."""
        session, _, text = self.run(run)
        need(run["first"] > 1 or run["before"] == session, "the first head is not the session id")
        need("end" not in [call["kind"] for call in run["operations"][:-1]], "operations after the end")
        signature = bytes.fromhex(run["signature"])
        need(p256.verifies(bytes.fromhex(run["publicKey"]), text, signature), "bad signature of the owner")
        return session

    def history(self, s):
        """The digest of the history after a position; before the first one where there is none."""
        return sha(statement(self.id, s)) if s else sha(lines("concordat/1 history", self.id))

    def signers(self, signed):
        """The replicas that signed: pairs of a signature's JSON and the statement's."""
        replicas = [s["replica"] for s, _ in signed]
        need(len(replicas) > self.f and replicas == sorted(set(replicas)), "not f + 1 replicas")
        for s, said in signed:
            data = base64.b64decode(s["signature"], validate=True)
            need(base64.b64encode(data).decode() == s["signature"], "another form of base64")
            key = self.keys.get(s["replica"])
            need(key and batch.verifies(key, statement(self.id, said), data), f"bad signature of {s['replica']}")
        return replicas

    def proof(self, p):
        """What a proof proves, by the names of its fields."""
        try:
            return self.state(p) if "attestations" in p else self.operation(p)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a proof: {error!r}")

    def operation(self, p):
        node, history = sha(b"\0", outcome(p["outcome"])), p["certificate"]["statement"]
        need(history["kind"] == "history", "not a history statement")
        need(len(p["path"]) <= 64, "too long a path")
        for step in p["path"]:
            need(step["side"] in ("left", "right"), "no side")
            pair = [digest(step["digest"]), digest(node)]
            node = sha(b"\1", *(pair if step["side"] == "left" else reversed(pair)))
        need(node == history["root"], "the path leads elsewhere")
        replicas = self.signers([(s, history) for s in p["certificate"]["signatures"]])
        return {"kind": "operation", **p["outcome"], "position": history["position"], "coordinators": replicas}

    def state(self, p):
        value = sha(p["value"].encode())
        named = {"kind": "state", "application": p["application"], "key": p["key"]}
        for a in p["attestations"]:
            need((a["kind"], a["subject"], a["value"]) == ("attestation", named, value), "attested otherwise")
        replicas = self.signers([(a, a) for a in p["attestations"]])
        return {**named, "value": p["value"], "coordinators": replicas}


if __name__ == "__main__":
    with open(sys.argv[1]) as cluster, open(sys.argv[2]) as proof:
        try:
            print("valid:", Sessions(json.load(cluster)).proof(json.load(proof)))
        except ValueError as error:
            sys.exit(f"INVALID: {error}")
