import { bankActions } from '../banking/soap.js';

export interface SampleTransfer {
  readonly debtor: { readonly bank: string; readonly account: string };
  readonly creditor: { readonly bank: string; readonly account: string };
  readonly amountMinor: number;
  readonly currency: string;
}

/** A whole command line for a POSIX shell that makes the transfer at a front door. */
export function curlLine(transferUrl: string, transfer: SampleTransfer): string {
  return [
    `curl -sS ${transferUrl}`,
    `-H 'Content-Type: text/xml; charset=utf-8'`,
    `-H 'SOAPAction: "${bankActions.transfer}"'`,
    `-d '${plainEnvelope(transfer)}'`,
  ].join(' ');
}

/** A SOAP 1.1 message as any SOAP client would send it. Names have no characters to escape. */
export function plainEnvelope({ debtor, creditor, amountMinor, currency }: SampleTransfer): string {
  return (
    '<S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/"><S:Body>' +
    '<b:Transfer xmlns:b="urn:concordat:bank">' +
    `<b:debtor><b:bank>${debtor.bank}</b:bank><b:account>${debtor.account}</b:account></b:debtor>` +
    `<b:creditor><b:bank>${creditor.bank}</b:bank><b:account>${creditor.account}</b:account>` +
    `<b:amountMinor>${amountMinor}</b:amountMinor></b:creditor>` +
    `<b:currency>${currency}</b:currency>` +
    '</b:Transfer></S:Body></S:Envelope>'
  );
}
