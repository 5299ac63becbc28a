/** Why a step cannot be done, in words for the operator. The same at every replica. */
export class Rejection extends Error {}
