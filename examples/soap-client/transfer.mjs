// Moves one euro from alice to bob with the npm package `soap`, from the front door's WSDL alone:
//   node examples/soap-client/transfer.mjs http://127.0.0.1:10249/transfer?wsdl
import { createClientAsync } from 'soap';

const [wsdl = 'http://127.0.0.1:10249/transfer?wsdl'] = process.argv.slice(2);

const client = await createClientAsync(wsdl);
const [response] = await client.TransferAsync({
  debtor: { bank: 'bank-a', account: 'alice' },
  creditor: [{ bank: 'bank-b', account: 'bob', amountMinor: 100 }],
  currency: 'EUR',
});
console.log(response.outcome, response.transactionId, response.reason ?? '');
process.exitCode = response.outcome === 'committed' ? 0 : 1;
