#!/usr/bin/env python3
"""Moves one euro from alice to bob with zeep, from the front door's WSDL alone.

    python3 examples/zeep/transfer.py http://127.0.0.1:10249/transfer?wsdl
"""
import sys

from zeep import Client

wsdl = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:10249/transfer?wsdl"

response = Client(wsdl).service.Transfer(
    debtor={"bank": "bank-a", "account": "alice"},
    creditor=[{"bank": "bank-b", "account": "bob", "amountMinor": 100}],
    currency="EUR",
)
print(response.outcome, response.transactionId, response.reason or "")
sys.exit(0 if response.outcome == "committed" else 1)
