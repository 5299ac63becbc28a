// What pages load: `verify.ts`, which a page's Content-Security-Policy keeps from making code of texts.
import './no-eval.js';

export { faultText, verifyOutcomeProof, verifySessionProof } from './verify.js';
