export type { Application, ApplyResult, Call, State } from '../session/core/application.js';
export type { CallResult, SessionTransfer } from '../session/types.js';
