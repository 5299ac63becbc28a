#!/usr/bin/perl
# Moves one euro from alice to bob with SOAP::Lite:
#   perl examples/perl/transfer.pl http://127.0.0.1:10249/transfer?wsdl
# SOAP::Lite takes the address, the action and the namespace from the WSDL; the elements of a message in
# document style are written by hand.
use strict;
use warnings;
use SOAP::Lite;

my $wsdl = shift // 'http://127.0.0.1:10249/transfer?wsdl';
my $operation = SOAP::Schema->new(schema_url => $wsdl)->parse->services->{TransferService}{Transfer};

sub leaf { SOAP::Data->name(shift)->type('')->value(shift) }
sub node { SOAP::Data->name(shift)->value(\SOAP::Data->value(@_)) }

my $soap = SOAP::Lite->proxy($operation->{endpoint}->value)
    ->default_ns($operation->{namespace})
    ->on_action(sub { '"' . $operation->{soapaction}->value . '"' })
    ->autotype(0);
my $answer = $soap->call(
    'Transfer',
    node(debtor => leaf(bank => 'bank-a'), leaf(account => 'alice')),
    node(creditor => leaf(bank => 'bank-b'), leaf(account => 'bob'), leaf(amountMinor => 100)),
    leaf(currency => 'EUR'),
);
die $answer->faultstring, "\n" if $answer->fault;
my $response = $answer->valueof('//TransferResponse');
print join(' ', $response->{outcome}, $response->{transactionId}, $response->{reason} // ''), "\n";
exit($response->{outcome} eq 'committed' ? 0 : 1);
