import { describe, expect, it } from 'vitest';
import { loadWsdl, type WsdlName } from '../../src/soap/wsdl.js';
import { wsdlNames } from '../support/wsdl-names.js';
import { svcutilBreaches } from './svcutil-rules.js';

const single = (name: WsdlName): string => loadWsdl(name).at('http://node.example/x', 'single');

describe('the rules of svcutil', () => {
  it.each(wsdlNames)('are kept by %s', (name) => {
    expect(svcutilBreaches(single(name))).toEqual([]);
  });

  it.each<[string, WsdlName, string, string, string]>([
    [
      'a wrapper that is none',
      'order',
      'name="order"',
      'name="parameters"',
      'Order is named like a wrapper and is none',
    ],
    [
      'a second Result in the answer to a wrapper',
      'run',
      'name="request"',
      'name="parameters"',
      'Run is a wrapper whose answer has a second Result',
    ],
    [
      'a fault with another name inside',
      'account',
      '<soap11:fault name="NotAuthorized"',
      '<soap11:fault name="Forbidden"',
      'AccountSoap11Binding, Debit: fault NotAuthorized has another name inside',
    ],
    [
      'a body that is not literal',
      'transfer',
      '<soap12:body use="literal"',
      '<soap12:body use="encoded"',
      'TransferSoap12Binding, Transfer: a body is not literal',
    ],
    [
      'an action of two operations',
      'session',
      '<soap11:operation soapAction="urn:concordat:session/Commit"',
      '<soap11:operation soapAction="urn:concordat:session/Perform"',
      'actions of SessionSoap11Binding repeat',
    ],
    [
      'a fault that the binding lacks',
      'account',
      '<wsdl:fault name="UnknownAccount" message="b:UnknownAccount" wsam:Action="urn:concordat:bank/fault"/>',
      '',
      'AccountSoap12Binding does not match its port type',
    ],
    [
      'a part that is a type',
      'transfer',
      'element="b:Transfer"',
      'type="b:Transfer"',
      'message Transfer is not one part with an element',
    ],
    [
      'rpc style',
      'order',
      'style="document"',
      'style="rpc"',
      'OrderSoap11Binding is not in document style',
    ],
  ])('are broken by %s', (_, name, from, to, breach) => {
    const wsdl = single(name);
    expect(wsdl).toContain(from);
    expect(svcutilBreaches(wsdl.replace(from, to))).toContain(breach);
  });

  it('are broken where schemas are not inside', () => {
    const breaches = svcutilBreaches(loadWsdl('activation').at('http://node.example/x', 'linked'));
    expect(breaches).toContain('no schema of http://docs.oasis-open.org/ws-tx/wscoor/2006/06');
  });
});
