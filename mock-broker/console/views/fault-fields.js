// @ts-check
import { field, h } from '../dom.js';

/** Form fields for the members of an action, from its JSON schema. */

/**
 * @typedef {object} Member
 * @property {string} [type]
 * @property {unknown} [const]
 * @property {string[]} [enum]
 * @property {string} [description]
 * @property {string} [label]
 * @property {number} [minimum]
 * @property {number} [maximum]
 */
/** @typedef {{ description?: string, properties: Record<string, Member>, required?: string[] }} Schema */

/** @param {Schema} schema */
export function actionFields({ properties, required = [] }) {
  return Object.entries(properties)
    .filter(([, member]) => member.const === undefined)
    .map(([name, member]) => {
      const control = controlFor(member, required.includes(name));
      control.dataset.name = name;
      control.dataset.type = member.type ?? 'string';
      return field(member.label ?? name, control);
    });
}

/** @param {Member} member @param {boolean} isRequired */
function controlFor(member, isRequired) {
  const { type, enum: values, description } = member;
  if (values !== undefined) {
    const options = (isRequired ? values : ['', ...values]).map((value) => h('option', { value }, value));
    return h('select', {}, ...options);
  }
  const isNumber = type === 'integer' || type === 'number';
  return h('input', {
    required: isRequired,
    placeholder: type === 'array' ? `${description ?? ''}, separated by spaces` : type === 'object' ? 'name=value, separated by spaces' : description, // prettier-ignore
    ...(isNumber && { type: 'number', min: member.minimum, max: member.maximum, step: type === 'number' ? 'any' : 1 }),
  });
}

/**
 * What was filled in.
 *
 * @param {HTMLElement} root
 * @returns {Record<string, unknown>}
 */
export function readFields(root) {
  /** @type {Record<string, unknown>} */
  const values = {};
  for (const control of /** @type {NodeListOf<HTMLInputElement>} */ (root.querySelectorAll('[data-name]'))) {
    const { name = '', type = '' } = control.dataset;
    if (control.value !== '') values[name] = fromText(control.value, type);
  }
  return values;
}

/** @param {string} text @param {string} type */
function fromText(text, type) {
  const words = text.trim().split(/\s+/);
  if (type === 'integer' || type === 'number') return Number(text);
  if (type === 'array') return words;
  if (type === 'object') return Object.fromEntries(words.map((word) => word.split(/=(.*)/s).slice(0, 2)));
  return text;
}
