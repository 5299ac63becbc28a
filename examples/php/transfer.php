<?php
// Moves one euro from alice to bob with PHP's SoapClient, from the front door's WSDL alone:
//   php examples/php/transfer.php http://127.0.0.1:10249/transfer?wsdl

$wsdl = $argv[1] ?? 'http://127.0.0.1:10249/transfer?wsdl';

$client = new SoapClient($wsdl, ['cache_wsdl' => WSDL_CACHE_NONE]);
$response = $client->Transfer([
    'debtor' => ['bank' => 'bank-a', 'account' => 'alice'],
    'creditor' => [['bank' => 'bank-b', 'account' => 'bob', 'amountMinor' => 100]],
    'currency' => 'EUR',
]);
echo $response->outcome, ' ', $response->transactionId, ' ', $response->reason ?? '', "\n";
exit($response->outcome === 'committed' ? 0 : 1);
