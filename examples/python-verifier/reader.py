"""The fields of Concordat's proofs (docs/formats.md), read from bytes."""

import batch

KINDS = ("activation completion registration vote acknowledgement invitation proposal pre-prepare"
         " prepare commit view-change new-view closing").split()
# The fields of a statement of each kind, after its header.
LAYOUTS = {
    "commit": "slot tid ballot digest outcome",
    "prepare": "slot tid ballot digest outcome",
    "closing": "tid view digest",
    "completion": "tid decision initiator",
    "registration": "tid participant enlistment protocol address invitations",
    "vote": "tid participant enlistment vote",
    "invitation": "tid participant places inviter invitations",
}


def need(condition, what):
    if not condition:
        raise ValueError(what)


class Reader:
    """Takes fields off bytes. `verifier` checks the signed statements among them."""

    def __init__(self, data, verifier):
        self.data, self.at, self.verifier = data, 0, verifier

    def raw(self, length):
        self.at += length
        need(self.at <= len(self.data), "the input ends too early")
        return self.data[self.at - length:self.at]

    def end(self):
        need(self.at == len(self.data), "bytes after the end")

    def signature(self):
        length = batch.length(self.data[self.at:self.at + 66])
        need(length is not None, "not a signature")
        return self.raw(length)

    def number(self, length): return int.from_bytes(self.raw(length), "big")
    def bytes(self): return self.raw(self.number(4))
    def text(self): return self.raw(self.number(2)).decode("utf-8")
    def list(self, item): return [item() for _ in range(self.number(2))]

    def choice(self, *names):
        index = self.number(1)
        need(index < len(names), f"none of {names}")
        return names[index]

    def signed(self, kind): return self.verifier.signed(self.bytes(), self.signature(), kind)
    def tid(self): return self.raw(16)
    def digest(self): return self.raw(32)
    def view(self): return self.number(8)
    def ballot(self): return self.number(8), self.number(4)
    def initiator(self): return self.number(2)
    def places(self): return self.number(1)
    def slot(self): return self.choice("activation", "outcome")
    def outcome(self): return self.choice("commit", "abort")
    def reason(self): return self.choice("none", "vote", "rollback", "timeout")
    def decision(self): return self.choice("commit", "rollback")
    def protocol(self): return self.choice("durable", "volatile")
    def vote(self): return self.choice("prepared", "readOnly", "aborted")
    def invitations(self): return self.list(lambda: self.signed("invitation"))
    participant = enlistment = address = text

    def inviter(self):
        role = self.choice("initiators", "participants")
        return role, self.initiator() if role == "initiators" else self.participant()
