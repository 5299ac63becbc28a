// Moves one euro from alice to bob with gSOAP, by code that it generates from the front door's WSDL alone:
//   wsdl2h -t /usr/share/gsoap/WS/typemap.dat -o transfer.h http://127.0.0.1:10249/transfer?wsdl
//   soapcpp2 -j -C -I/usr/share/gsoap/import transfer.h
//   g++ -I. -o transfer examples/gsoap/transfer.cpp soapC.cpp soapTransferSoap11BindingProxy.cpp -lgsoap++
#include "TransferSoap11Binding.nsmap"
#include "soapTransferSoap11BindingProxy.h"
#include <iostream>

int main() {
  ns1__Debtor debtor;
  debtor.bank = "bank-a";
  debtor.account = "alice";
  ns1__Creditor creditor;
  creditor.bank = "bank-b";
  creditor.account = "bob";
  creditor.amountMinor = 100;
  _ns1__Transfer transfer;
  transfer.debtor = &debtor;
  transfer.creditor.push_back(&creditor);
  transfer.currency = "EUR";

  // The address is that of the WSDL.
  TransferSoap11BindingProxy front;
  _ns1__TransferResponse response;
  if (front.Transfer(&transfer, response) != SOAP_OK) {
    front.soap_stream_fault(std::cerr);
    return 2;
  }
  bool committed = response.outcome == ns1__Outcome__committed;
  std::cout << (committed ? "committed " : "aborted ") << response.transactionId << " "
            << (response.reason ? *response.reason : "") << std::endl;
  return committed ? 0 : 1;
}
