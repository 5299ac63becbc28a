// Moves one euro from alice to bob with a web service proxy of .NET Framework or Mono, which wsdl generates from the front
// door's WSDL alone:
//   wsdl -n:Concordat -out:TransferService.cs http://127.0.0.1:10249/transfer?wsdl
//   mcs -r:System.Web.Services -out:transfer.exe examples/dotnet/Transfer.cs TransferService.cs
//   mono transfer.exe
using System;
using Concordat;

static class Program {
  static int Main() {
    // The address is that of the WSDL.
    var front = new TransferService();
    Outcome outcome;
    string reason;
    var transactionId = front.Transfer(
        new Debtor { bank = "bank-a", account = "alice" },
        new[] { new Creditor { bank = "bank-b", account = "bob", amountMinor = 100 } },
        "EUR", out outcome, out reason);
    Console.WriteLine("{0} {1} {2}", outcome, transactionId, reason);
    return outcome == Outcome.committed ? 0 : 1;
  }
}
