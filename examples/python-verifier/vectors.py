"""Runs the verifier over the vectors: python3 vectors.py ../../docs/vectors/outcome-proofs.json"""

import json, sys
from verify import Verifier

with open(sys.argv[1]) as file:
    vectors = json.load(file)
verifier, wrong = Verifier(vectors["cluster"]), []
for vector in vectors["proofs"]:
    try:
        tid, outcome, reason, votes = verifier.proof(bytes.fromhex(vector["proof"]))
        found = {"tid": tid, "outcome": outcome, "reason": reason, "votes": dict(votes)}
    except ValueError:
        found = None
    if found != vector["proves"]:
        wrong.append(vector["name"])
print(f"{len(vectors['proofs'])} vectors, wrong: {wrong or 'none'}")
sys.exit(1 if wrong else 0)
