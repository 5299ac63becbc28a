import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { participantId, transactionId } from '../../src/kernel/ids.js';
import { type Json, jsonText, payloadBytesMax, resultBytesMax } from '../../src/service/json.js';
import {
  permitsMax,
  type Run,
  readCall,
  readCallResponse,
  readRun,
  readRunResponse,
  reasonLengthMax,
  writeCall,
  writeCallResponse,
  writeRun,
  writeRunResponse,
} from '../../src/service/messages.js';
import { readEnvelope } from '../../src/soap/envelope.js';
import type { XmlElement } from '../../src/soap/xml.js';
import { envelopeOf, faultOf, sent } from '../soap/body-harness.js';
import { standardsPresent, validateAgainstStandards } from '../support/schemas.js';

const tid = transactionId('00000000-0000-8000-8000-000000000001');
const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/);
const payload = (fc.jsonValue({ noUnicodeString: false }) as fc.Arbitrary<Json>).map((value) =>
  jsonText(value, 1e6),
);
const small = payload.filter((text) => text.length <= resultBytesMax);
const permit = fc.record({
  participant: name.map(participantId),
  operation: name,
  payload: small,
});
const run: fc.Arbitrary<Run> = fc.record({
  application: name,
  procedure: name,
  payload: small,
  permits: fc.array(permit, { maxLength: permitsMax }),
});
const numbered = fc.record({
  number: fc.integer({ min: 0, max: 65_535 }),
  operation: name,
  payload: small,
});

const permitOne = { participant: participantId('hotel'), operation: 'pay', payload: '{"eur":7}' };
const runOne: Run = {
  application: 'travel',
  procedure: 'book',
  payload: '{"nights":2}',
  permits: [permitOne],
};
const callOne = { number: 3, operation: 'reserve', payload: '{"nights":2}' };
const ended = { transactionId: tid, outcome: 'committed', reason: 'why', result: '[7]' } as const;

describe('the messages of services', () => {
  it('read what they write, over the wire', () => {
    fc.assert(
      fc.property(run, numbered, fc.option(small, { nil: undefined }), (asked, call, result) => {
        expect(readRun(sent(writeRun(asked)))).toEqual(asked);
        expect(readCall(sent(writeCall(call)))).toEqual(call);
        expect(readCallResponse(sent(writeCallResponse(result)))).toBe(result);
      }),
      { numRuns: 50 },
    );
    for (const response of [ended, { transactionId: tid, outcome: 'aborted' } as const]) {
      expect(readRunResponse(sent(writeRunResponse(response)))).toEqual(response);
    }
  });

  it.runIf(standardsPresent)('keep to the schemas', async () => {
    const largest = jsonText('<'.repeat(payloadBytesMax - 2), payloadBytesMax);
    const most = Array.from({ length: permitsMax }, () => permitOne);
    const bodies = [
      ...fc.sample(run, 20).map(writeRun),
      ...fc.sample(numbered, 20).map(writeCall),
      writeRun({ ...runOne, payload: largest, permits: most }),
      writeCall({ ...callOne, number: 65_535, payload: largest }),
      writeCallResponse(undefined),
      writeCallResponse(jsonText('a'.repeat(resultBytesMax - 2), resultBytesMax)),
      writeRunResponse(ended),
      writeRunResponse({ transactionId: tid, outcome: 'aborted' }),
      writeRunResponse({ transactionId: tid, outcome: 'aborted', reason: 'é'.repeat(9999) }),
    ];
    expect(await validateAgainstStandards(bodies.map((body) => envelopeOf(body)))).toEqual([]);
  });

  it('say why, whatever a procedure has said, so that the client can read the outcome', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 2 * reasonLengthMax }),
        (units) => {
          const reason = String.fromCharCode(...units);
          const response = { transactionId: tid, outcome: 'aborted', reason } as const;
          const read = readRunResponse(sent(writeRunResponse(response)));
          expect(read.reason?.length).toBeLessThanOrEqual(reasonLengthMax);
        },
      ),
    );
    const cut = `${'x'.repeat(reasonLengthMax - 1)}😀`;
    const response = { transactionId: tid, outcome: 'aborted', reason: cut } as const;
    expect(readRunResponse(sent(writeRunResponse(response))).reason).toBe(
      `${'x'.repeat(reasonLengthMax - 1)}?`,
    );
  });
});

type Change = (xml: string) => string;
const within = (from: string, to: string): Change => {
  return (xml) => xml.replace(from, to);
};
const long = 'a'.repeat(64);
const tooLong = jsonText('a'.repeat(payloadBytesMax - 1), payloadBytesMax + 1);
const tooLongResult = jsonText('a'.repeat(resultBytesMax - 1), resultBytesMax + 1);
/** Where a name stands. */
const wrongNames = ['', '.a', 'a b', 'ål', '-a', 'a/b', long];

const wrong: readonly [string, XmlElement, (body: XmlElement | undefined) => unknown, Change[]][] =
  [
    [
      'Run',
      writeRun(runOne),
      readRun,
      [
        ...wrongNames.flatMap((bad) => [
          within('>travel<', `>${bad}<`),
          within('>book<', `>${bad}<`),
          within('>hotel<', `>${bad}<`),
          within('>pay<', `>${bad}<`),
        ]),
        within('>{"nights":2}<', `>${tooLong}<`),
        within('>{"eur":7}<', `>${tooLong}<`),
        (xml) => xml.replace(/(<cc:Permit>.*?<\/cc:Permit>)/, '$1'.repeat(permitsMax + 1)),
        (xml) => xml.replace(/<cc:Application>.*?<\/cc:Application>/, ''),
        (xml) => xml.replace(/<cc:Payload>.*?<\/cc:Payload>/, ''),
        (xml) => xml.replace(/(<cc:Application>.*?<\/cc:Application>)/, '$1$1'),
        (xml) => xml.replace(/(<cc:Application>.*?)(<cc:Procedure>.*?<\/cc:Procedure>)/, '$2$1'),
        (xml) => xml.replace(/(<cc:Payload>.*?<\/cc:Payload>)(<cc:Permit>.*<\/cc:Permit>)/, '$2$1'),
        (xml) => xml.replace('</cc:Run>', '<cc:Odd/></cc:Run>'),
        (xml) => xml.replace('</cc:Permit>', '<cc:Odd/></cc:Permit>'),
        (xml) => xml.replace('<cc:Permit>', 'text<cc:Permit>'),
        (xml) => xml.replace('<cc:Permit>', '<cc:Permit>text'),
        (xml) => xml.replace(/<(\/?)cc:Run>/g, '<$1cc:Call>'),
      ],
    ],
    [
      'Call',
      writeCall(callOne),
      readCall,
      [
        ...wrongNames.map((bad) => within('>reserve<', `>${bad}<`)),
        ...['-1', '65536', '1.5', '1e3', '0x1', '', 'NaN', '++1'].map((bad) =>
          within('>3<', `>${bad}<`),
        ),
        within('>{"nights":2}<', `>${tooLong}<`),
        (xml) => xml.replace(/<cc:Number>.*?<\/cc:Number>/, ''),
        (xml) => xml.replace('</cc:Call>', '<cc:Odd/></cc:Call>'),
        (xml) => xml.replace('>3<', '><cc:Odd/>3<'),
      ],
    ],
    [
      'CallResponse',
      writeCallResponse('[7]'),
      readCallResponse,
      [
        within('>[7]<', `>${tooLongResult}<`),
        (xml) => xml.replace(/(<cc:Result>.*<\/cc:Result>)/, '$1$1'),
        (xml) => xml.replace('<cc:Result>', 'text<cc:Result>'),
      ],
    ],
    [
      'RunResponse',
      writeRunResponse(ended),
      readRunResponse,
      [
        within(tid, `${tid}0`),
        within(tid, tid.toUpperCase().replace('8', 'A')),
        within('committed', 'Committed'),
        within('committed', ''),
        within('>why<', `>${'a'.repeat(reasonLengthMax + 1)}<`),
        within('>[7]<', `>${tooLongResult}<`),
        (xml) => xml.replace(/(<cc:Reason>.*<\/cc:Reason>)(<cc:Result>.*<\/cc:Result>)/, '$2$1'),
        (xml) => xml.replace(/<cc:Outcome>.*?<\/cc:Outcome>/, ''),
      ],
    ],
  ];

describe.each(wrong)('a %s that is not as the schema says', (_, body, read, changes) => {
  const good = envelopeOf(body);
  const texts = changes.map((change) => change(good));

  it('is refused as its sender’s mistake', () => {
    for (const text of texts) {
      expect(text).not.toBe(good);
      expect(
        faultOf(() => read(readEnvelope(text).body)),
        text.slice(-300),
      ).toBe('Sender');
    }
    expect(faultOf(() => read(undefined))).toBe('Sender');
  });

  it.runIf(standardsPresent)(
    'is refused by the schema, too',
    async () => {
      const errors = await validateAgainstStandards(texts);
      const refused = (index: number) => errors.some((error) => error.startsWith(`${index}.xml:`));
      expect(texts.filter((_, index) => !refused(index))).toEqual([]);
    },
    60_000,
  );
});

it('a payload that is not JSON in ASCII is refused, though the schema has no rule for that', () => {
  for (const bad of ['{', 'é', '"é"', '[1,\n2]', '"\t"', "'a'", 'undefined']) {
    const call = envelopeOf(writeCall(callOne)).replace('{"nights":2}', bad);
    expect(
      faultOf(() => readCall(readEnvelope(call).body)),
      bad,
    ).toBe('Sender');
    const response = envelopeOf(writeCallResponse('[7]')).replace('[7]', bad);
    expect(
      faultOf(() => readCallResponse(readEnvelope(response).body)),
      bad,
    ).toBe('Sender');
  }
});
