import type { Digest } from '../../../src/kernel/ids.js';
import type { Batch, OrderingMessage, SpecReply } from '../../../src/ordering/types.js';

/** A message in one line, for people. */
export function describe(message: OrderingMessage | undefined): string {
  if (!message) return 'undecodable';
  return `${message.scope} ${message.kind} ${contentOf(message)}`;
}

function contentOf(message: OrderingMessage): string {
  switch (message.kind) {
    case 'proposal': {
      const { cycle, replica, digest } = message.proposal.statement;
      const { batch, readmit } = message.value;
      const back = readmit.length > 0 ? ` readmits ${readmit.join(' ')}` : '';
      return `cycle ${cycle} of ${replica}: ${short(digest)} ${describeBatch(batch)}${back}`;
    }
    case 'report': {
      const { cycle, entries } = message.report.statement;
      return `cycle ${cycle}: ${entries.map((entry) => (entry ? short(entry.digest) : '-')).join(' ')}`;
    }
    case 'fetch-reports':
      return `of cycle ${message.cycle}`;
    case 'fast-decision':
      return `cycle ${message.reports[0]?.statement.cycle}`;
    case 'pre-prepare': {
      const { view, sequence, digest } = message.prePrepare.statement;
      return `v${view} #${sequence} ${short(digest)} ${describeBatch(message.batch)}`;
    }
    case 'phase': {
      const { phase, view, sequence, digest } = message.signed.statement;
      return `${phase} v${view} #${sequence} ${short(digest)}`;
    }
    case 'committed':
      return `#${message.commits.statement.sequence} ${describeBatch(message.batch)}`;
    case 'checkpoint':
      return `at ${message.signed.statement.position}`;
    case 'stable':
    case 'state':
      return `at ${message.certificate.statement.position}`;
    case 'view-change': {
      const { view, replica, prepared, committed } = message.viewChange.statement;
      return `of ${replica} to v${view}, ${prepared.length} prepared, ${committed.length} committed`;
    }
    case 'two-step-view-change': {
      const { view, replica, acked, prepared } = message.viewChange.statement;
      return `of ${replica} to v${view}, ${acked.length} acknowledged, ${prepared.length} prepared`;
    }
    case 'confirmation': {
      const { statement, signatures } = message.confirmations;
      return `v${statement.view} by ${signatures.map(({ replica }) => replica).join(' ')}`;
    }
    case 'fast-committed':
      return `#${message.acks.prePrepare.statement.sequence} ${describeBatch(message.batch)}`;
    case 'two-step-new-view':
    case 'new-view':
      return `v${message.newView.statement.view}`;
    case 'fetch-value':
      return `${short(message.digest)} of cycle ${message.cycle}`;
    case 'fetch-batch':
    case 'fetch-chunk':
      return short(message.digest);
    case 'chunk':
      return `of ${message.bytes.length} bytes`;
    case 'batch':
    case 'requests':
      return describeBatch(message.batch);
    case 'status':
      return `v${message.view} at ${message.position}, stable ${message.stable}`;
    case 'slow':
      return `v${message.view}`;
    case 'rejoin':
      return `at ${message.position}`;
    case 'spec-order':
      return `${replyText(message.order.statement)} ${describeBatch(message.batch)}`;
    case 'spec-reply':
      return replyText(message.reply.statement);
    case 'commit-fast':
      return `${replyText(message.replies.statement)} ${describeBatch(message.batch)}`;
    case 'lost-instances':
      return `up to ${message.closed.join(' ')}`;
    case 'reach-instances':
      return message.executed.join(' ');
    case 'fetch-instance':
      return `${message.instance.space}.${message.instance.index}`;
    case 'lost':
      return `up to v${message.view}, ${message.position}`;
    case 'reach':
      return `v${message.view}, ${message.position}`;
  }
}

function replyText({ instance, value }: SpecReply): string {
  const { space, index } = instance;
  return `${space}.${index}: ${value ? `${short(value.digest)} after ${value.deps.join(' ')}` : 'none'}`;
}

function describeBatch(batch: Batch): string {
  return `[${batch.map(({ client, number }) => `${client}:${number}`).join(' ')}]`;
}

function short(digest: Digest): string {
  return digest.slice(0, 6);
}
