import { type ClusterId, unreachable } from '../../../src/kernel/ids.js';
import { decodeAssistance } from '../../../src/ordering/report-codec.js';
import type {
  Batch,
  CycleValue,
  OrderingMessage,
  OrderingRequest,
  ReportStatement,
  SequencePrepared,
  SpecReply,
} from '../../../src/ordering/types.js';

const decisionModule = 'decision-module';

/** What the replicas of an ordering engine say to each other, in words. */
export class OrderingWords {
  readonly #cluster: ClusterId;
  readonly #nameOf: (request: OrderingRequest) => string;

  /** `nameOf` names requests of clients. */
  constructor(cluster: ClusterId, nameOf: (request: OrderingRequest) => string) {
    this.#cluster = cluster;
    this.#nameOf = nameOf;
  }

  message(message: OrderingMessage, from: number): string {
    const words = this.#content(message, from);
    return message.scope === decisionModule ? `${words} [decision module]` : words;
  }

  batch(batch: Batch): string {
    return batch.map((request) => this.#request(request)).join(' ') || 'nothing';
  }

  #content(message: OrderingMessage, from: number): string {
    switch (message.kind) {
      case 'requests':
        return `requests ${this.batch(message.batch)}`;
      case 'pre-prepare': {
        const { sequence, view } = message.prePrepare.statement;
        return `pre-prepare #${sequence} v${view}: ${this.batch(message.batch)}`;
      }
      case 'phase': {
        const { phase, sequence, view } = message.signed.statement;
        return `${phase} #${sequence} v${view}`;
      }
      case 'checkpoint':
        return `checkpoint ${message.signed.statement.position}`;
      case 'view-change': {
        const { view, prepared } = message.viewChange.statement;
        return `view-change to v${view}: ${preparedWords(prepared)}`;
      }
      case 'new-view': {
        const { view, viewChanges } = message.newView.statement;
        const from = viewChanges.map(({ statement }) => statement.replica).join(' ');
        return `new-view v${view}: view changes of ${from}`;
      }
      case 'fetch-batch':
      case 'fetch-chunk':
        return message.kind;
      case 'batch':
        return `batch ${this.batch(message.batch)}`;
      case 'committed': {
        const { sequence } = message.commits.statement;
        return `committed #${sequence}: ${this.batch(message.batch)}`;
      }
      case 'two-step-view-change': {
        const { view, acked, prepared } = message.viewChange.statement;
        return `two-step-view-change v${view}, ${acked.length} acknowledged, ${prepared.length} prepared`;
      }
      case 'two-step-new-view':
        return `two-step-new-view v${message.newView.statement.view}`;
      case 'confirmation': {
        const { statement, signatures } = message.confirmations;
        return `confirmation v${statement.view} of ${signatures.length}`;
      }
      case 'fast-committed': {
        const { sequence } = message.acks.prePrepare.statement;
        return `fast-committed #${sequence}: ${this.batch(message.batch)}`;
      }
      case 'status':
        return `status v${message.view}, at ${message.position}`;
      case 'stable':
        return `stable ${message.certificate.statement.position}`;
      case 'state':
        return `state at ${message.certificate.statement.position}`;
      case 'chunk':
        return `chunk of ${message.bytes.length} bytes`;
      case 'slow':
        return `slow v${message.view}`;
      case 'proposal': {
        const { cycle, replica } = message.proposal.statement;
        const proposer = replica === from ? '' : ` of ${replica}`;
        return `proposal c${cycle}${proposer}: ${this.#value(message.value)}`;
      }
      case 'report':
        return reportWords(message.report.statement);
      case 'fetch-value':
        return `fetch-value c${message.cycle}`;
      case 'fetch-reports':
        return `fetch-reports c${message.cycle}`;
      case 'fast-decision':
        return `fast-decision c${message.reports[0]?.statement.cycle}`;
      case 'rejoin':
        return `rejoin at ${message.position}`;
      case 'lost':
      case 'reach':
        return `${message.kind} v${message.view}, at ${message.position}`;
      case 'spec-order':
        return `spec-order ${instanceWords(message.order.statement)}: ${this.batch(message.batch)}`;
      case 'spec-reply':
        return `spec-reply ${instanceWords(message.reply.statement)}`;
      case 'commit-fast':
        return `commit-fast ${instanceWords(message.replies.statement)}`;
      case 'lost-instances':
        return `lost-instances up to ${message.closed.join(' ')}`;
      case 'reach-instances':
        return `reach-instances ${message.executed.join(' ')}`;
      case 'fetch-instance':
        return `fetch-instance ${message.instance.space}.${message.instance.index}`;
      default:
        return unreachable(message);
    }
  }

  #request(request: OrderingRequest): string {
    if (request.client !== decisionModule) return this.#nameOf(request);
    const { excluded, reports } = decodeAssistance(this.#cluster, request.payload);
    const from = reports.map(({ statement }) => statement.replica).join(' ');
    const without = excluded.length > 0 ? ` without ${excluded.join(' ')}` : '';
    return `c${reports[0]?.statement.cycle} by reports of ${from}${without}`;
  }

  #value({ batch, readmit, complaints }: CycleValue): string {
    const parts = [this.batch(batch)];
    if (readmit.length > 0) parts.push(`readmit ${readmit.join(' ')}`);
    for (const { cycle, replica, what } of complaints)
      parts.push(`${replica} ${what} in c${cycle}`);
    return parts.join(', ');
  }
}

/** Processes whose values were there when the report was signed. */
function instanceWords({ instance, value }: SpecReply): string {
  const { space, index } = instance;
  return `${space}.${index} ${value ? `after ${value.deps.join(' ')}` : 'none'}`;
}

function reportWords({ cycle, entries }: ReportStatement): string {
  const there = entries.flatMap((entry, replica) => (entry ? [replica] : []));
  return `report c${cycle}: values of ${there.join(' ') || 'none'}`;
}

function preparedWords(prepared: readonly SequencePrepared[]): string {
  const places = prepared.map(({ prePrepare }) => {
    const { sequence, view } = prePrepare.statement;
    return `#${sequence} v${view}`;
  });
  return places.length > 0 ? `prepared ${places.join(', ')}` : 'nothing prepared';
}
