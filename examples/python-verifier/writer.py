"""The fields of sessions (docs/formats.md), from JSON to bytes: what each name stands for makes them."""

import re
from reader import need

KINDS = "receipt witness history attestation order order-report".split()
NAME = "[A-Za-z0-9][A-Za-z0-9._-]{0,62}"


def number(size, least=0, most=2**53 - 1):
    def encode(value):
        need(type(value) is int and least <= value <= most, f"not a number from {least} to {most}: {value}")
        return value.to_bytes(size, "big")
    return encode


def text(most=16384, form=".*"):
    def encode(value):
        data = value.encode()
        need(len(data) <= most and re.fullmatch(form, value, re.DOTALL), f"not a text of this form: {value}")
        return len(data).to_bytes(2, "big") + data
    return encode


def digest(value):
    need(re.fullmatch("[0-9a-f]{64}", value), f"not a digest: {value}")
    return bytes.fromhex(value)


def optional(value):
    return b"\0" if value is None else b"\1" + digest(value)


def fields(**encoders):
    return lambda values: b"".join(encode(values[name]) for name, encode in encoders.items())


def listed(encode):
    return lambda values: len(values).to_bytes(2, "big") + b"".join(map(encode, values))


def choice(**parts):
    def encode(value):
        need(value["kind"] in parts, f"none of {list(parts)}")
        return bytes([list(parts).index(value["kind"])]) + parts[value["kind"]](value)
    return encode


u16, count, position = number(2, most=65535), number(8, 1), number(8)
result = choice(done=fields(result=text()), rejected=fields(reason=text()))
subject = choice(session=fields(session=digest), state=fields(application=text(form=NAME), key=text(256)))
ended = choice(committed=fields(), aborted=fields(reason=text()))
account = fields(bank=text(127), account=text(127))
transfer = fields(**{"from": account}, to=account, amountMinor=count, currency=text(8))
transfers = listed(transfer)
standing = fields(next=count, head=digest, since=position)
outcome = fields(session=digest, sequence=count, head=digest, result=result)
operation = {"session": digest, "sequence": count, "head": digest, "result": digest}
order = {"lane": number(2, most=31), "number": count}
LAYOUTS = {
    "receipt": fields(**operation, base=position, baseHistory=digest, deadline=position, replica=u16),
    "witness": fields(**operation, replica=u16),
    "history": fields(position=count, before=digest, root=digest),
    "attestation": fields(subject=subject, value=optional, position=position),
    "order": fields(**order, owner=text(form=NAME + "(/[0-9]{1,4})?"), transfers=digest),
    "order-report": fields(**order, outcome=ended, replica=u16),
}


def statement(cluster, s):
    """The bytes that a replica signs."""
    return b"concordat-session/1" + bytes([KINDS.index(s["kind"])]) + text(63, NAME)(cluster) + LAYOUTS[s["kind"]](s)
