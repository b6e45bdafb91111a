/**
 * Fault rules as JSON and as text. Loaded only where such rules come in: a program that adds rules of its own needs
 * neither the schemas nor the library that checks them.
 */

export { FaultActionSchema, FaultActionSchemas, FaultDescriptionSchema, FaultRuleSchema } from './rule-schemas.js';
export type { FaultDescription, FaultRuleJson } from './rule-schemas.js';
export { describeFault, parseFaultRule } from './rule-json.js';
export { parseFaultText } from './text.js';
