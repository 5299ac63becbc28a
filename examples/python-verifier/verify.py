"""Checks the proof of a transaction's outcome, written from docs/formats.md alone.

Run `python3 verify.py CLUSTER.json FILE.proof`. Exit status 0: valid. 1: not valid, and why.
"""

import json, sys
from hashlib import sha256
from batch import verifies
from reader import KINDS, LAYOUTS, Reader, need


class Verifier:
    def __init__(self, cluster):
        self.id, self.f, n = cluster["id"], cluster["f"], len(cluster["coordinators"])
        self.n, self.quorum = n, (n + self.f + 2) // 2
        self.two_step = cluster.get("agreement") == "two-step"
        self.keys = {(role, member["id"]): bytes.fromhex(member["statementKey"])
                     for role in ("coordinators", "initiators", "participants") for member in cluster[role]}

    def check(self, signer, data, signature):
        need(signer in self.keys, f"unknown signer: {signer}")
        need(verifies(self.keys[signer], data, signature), f"bad signature of {signer}")

    def statement(self, data, *kinds):
        r = Reader(data, self)
        need(r.raw(11) == b"concordat/1" and (kind := r.choice(*KINDS)) in kinds, f"no {kinds} of this version")
        need(r.text() == self.id, "a statement of another cluster")
        fields = {"kind": kind} | {name: getattr(r, name)() for name in LAYOUTS[kind].split()}
        r.end()
        return fields

    def signed(self, data, signature, kind):
        s = self.statement(data, kind)
        own = ("initiators", s["initiator"]) if kind == "completion" else ("participants", s["participant"])
        self.check(s.get("inviter", own), data, signature)
        if "enlistment" in s:
            need(s["enlistment"].rpartition(".")[0] == s["participant"], "another's enlistment")
        return s

    def host(self, guest, passings=2):
        """The participant that initiators invited, for this guest, and how many enlistments it may have."""
        invitations, names = guest["invitations"], ("tid", "participant", "places")
        need(invitations and all(i[k] == guest[k] for i in invitations for k in names[:2]), "not invited")
        role, inviter = invitations[0]["inviter"]
        if role == "participants":
            need(len(invitations) == 1 and passings, "passed on to several, or too often")
            behind = invitations[0]["invitations"]
            need(behind and behind[0]["places"] == invitations[0]["places"], "more places than the inviter has")
            return self.host({**guest, "participant": inviter, "invitations": behind}, passings - 1)
        ids = [i["inviter"] for i in invitations]
        need(len(ids) == self.f + 1 and ids == sorted(set(ids)), "not f + 1 initiators")
        need(all(i["inviter"][0] == role and not i["invitations"] for i in invitations), "not all initiators")
        need(len({i["places"] for i in invitations}) == 1, "they allow different places")
        return guest["participant"], invitations[0]["places"]

    def record(self, r, tid):
        guest = r.signed("registration")
        vote = r.signed("vote") if r.choice(False, True) else {**guest, "vote": None}
        need(guest["tid"] == tid, "a registration of another transaction")
        need(all(vote[k] == guest[k] for k in ("tid", "participant", "enlistment")), "another's vote")
        return guest["enlistment"], vote["vote"], self.host(guest)

    def proof(self, data):
        """What a proof proves: the transaction id, its outcome, its reason, and each enlistment's vote."""
        r = Reader(data, self)
        need(r.raw(8) == b"CCPROOF1", "not a proof")
        c, ids = self.shared(r, "commit", "prepare")
        self.decides(c, ids)
        need(sha256(data[r.at:]).digest() == c["digest"], "another value than the replicas signed")
        kind = r.choice("activation", "outcome", "closed-outcome")
        need((r.tid(), r.outcome()) == (c["tid"], c["outcome"]), "another outcome")
        need(c["slot"] == "outcome" and kind != "activation", "no outcome")
        reason, records = r.reason(), r.list(lambda: self.record(r, c["tid"]))
        completion = r.list(lambda: r.signed("completion"))
        if kind == "closed-outcome":
            self.closed(c, [name for name, _, _ in records], *self.shared(r, "closing"))
        r.end()
        self.follows(c, reason, records, completion)
        return c["tid"].hex(), c["outcome"], reason, [(name, vote) for name, vote, _ in records]

    def shared(self, r, *kinds):
        """A statement that several replicas signed, and which."""
        text, signed = r.bytes(), r.list(lambda: (r.number(2), r.signature()))
        ids = [replica for replica, _ in signed]
        need(ids == sorted(set(ids)), "replicas out of order")
        for replica, signature in signed:
            self.check(("coordinators", replica), text, signature)
        return self.statement(text, *kinds), ids

    def decides(self, c, ids):
        """A quorum of commits; in two steps also so many prepares of backups at a first attempt."""
        view, attempt = c["ballot"]
        silent = min(self.f, (self.n - 3 * self.f + 1) // 2)
        if c["kind"] == "commit":
            return need(len(ids) >= self.quorum, "not a quorum of replicas")
        need(self.two_step and attempt == 0 and view % self.n not in ids, "prepares that decide nothing")
        need(len(ids) >= max(self.n - silent - 1, self.f + 1), "too few prepares")

    def closed(self, c, names, closing, ids):
        """A quorum closed the transaction with just the enlistments of a commit."""
        need(self.two_step and c["outcome"] == "commit" and closing["tid"] == c["tid"], "closed for nothing")
        sizes = [len(name).to_bytes(2, "big") + name.encode() for name in names]
        text = len(names).to_bytes(2, "big") + b"".join(sizes)
        need(len(ids) >= self.quorum and sha256(text).digest() == closing["digest"], "not closed so")

    def follows(self, c, reason, records, completion):
        """Whether the outcome follows from what participants and initiators signed."""
        names, votes, hosts = [[record[i] for record in records] for i in range(3)]
        need(names == sorted(set(names)), "records out of order")
        need(all(sum(h[0] == name for h in hosts) <= places for name, places in hosts), "too many enlistments")
        need(len({s["initiator"] for s in completion}) == len(completion), "an initiator twice")
        need(all(s["tid"] == c["tid"] for s in completion), "a completion of another transaction")
        need((c["outcome"] == "commit") == (reason == "none"), "outcome and reason")
        if reason in ("none", "rollback"):
            asked = all(s["decision"] == c["outcome"].replace("abort", "rollback") for s in completion)
            need(asked and len(completion) > self.f, "f + 1 initiators did not ask for it")
        need(reason != "none" or set(votes) <= {"prepared", "readOnly"}, "a commit without consent")
        need(reason != "vote" or "aborted" in votes, "no participant voted to abort")
        need(reason != "timeout" or not completion, "a timeout rests on no completion")


if __name__ == "__main__":
    with open(sys.argv[1]) as cluster, open(sys.argv[2], "rb") as proof:
        try:
            print("valid:", *Verifier(json.load(cluster)).proof(proof.read()))
        except ValueError as error:
            sys.exit(f"INVALID: {error}")
