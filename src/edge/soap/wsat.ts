import { coordinationFaults } from './faults.js';
import { Sequence } from './sequence.js';
import { namespaces, wsat } from './vocabulary.js';
import { element, isNamed, type XmlElement } from './xml.js';

/** The notifications of WS-AtomicTransaction 1.1 and 1.2: empty, with room for extensions. */

export type NotificationName =
  | 'Prepare'
  | 'Prepared'
  | 'ReadOnly'
  | 'Aborted'
  | 'Commit'
  | 'Rollback'
  | 'Committed';

export const transactionFaultAction = `${namespaces.wsat}/fault`;

/** The `wsa:Action` of a notification. */
export function notificationAction(name: NotificationName): string {
  return `${namespaces.wsat}/${name}`;
}

export function writeNotification(
  name: NotificationName,
  ...extensions: readonly XmlElement[]
): XmlElement {
  return element(wsat(name), [], ...extensions);
}

/** The extensions in a notification. Throws `wscoor:InvalidParameters` where the body is another. */
export function readNotification(
  body: XmlElement | undefined,
  name: NotificationName,
): readonly XmlElement[] {
  if (body === undefined || !isNamed(body, namespaces.wsat, name)) {
    throw coordinationFaults.invalidParameters(`expected ${name} in the body`);
  }
  return new Sequence(body, coordinationFaults.invalidParameters).extensions(namespaces.wsat);
}
