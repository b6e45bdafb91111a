// @ts-check
/** Making elements. Data gets in as text or attributes only, never as markup. */

/** @typedef {Node | string | number | null | undefined | false} Child */

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, unknown>} [props] attributes; `on...` listeners; `class`; `undefined` and `false` are left out
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  append(element, children);
  return element;
}

/**
 * @param {string} tag
 * @param {Record<string, string | number>} props
 * @param {...Child} children
 */
export function svg(tag, props, ...children) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(props)) element.setAttribute(name, String(value));
  append(element, children);
  return element;
}

/**
 * @param {Element} parent
 * @param {Child[]} children
 */
function append(parent, children) {
  for (const child of children) {
    if (child !== null && child !== undefined && child !== false) {
      parent.append(typeof child === 'number' ? String(child) : child);
    }
  }
}

/**
 * Writes a text where it is another one: what did not change is not read out again, and keeps its selection.
 *
 * @param {Element} element
 * @param {string | number} text
 */
export function setText(element, text) {
  const wanted = String(text);
  if (element.textContent !== wanted) element.textContent = wanted;
}

/**
 * Makes the children of a list fit its items, without touching those that stay: focus and what is open stay too.
 *
 * @template Item
 * @template {Element} Row
 * @param {Element} parent
 * @param {readonly Item[]} items
 * @param {(item: Item) => string} keyOf
 * @param {(item: Item) => Row} create
 * @param {(row: Row, item: Item) => void} [update]
 */
export function keyed(parent, items, keyOf, create, update) {
  const wanted = new Set(items.map(keyOf));
  /** @type {Map<string, Row>} */
  const known = new Map();
  // First what goes: what stays is not moved then, which would take its focus away and begin its animations anew.
  for (const row of [...parent.children]) {
    const key = /** @type {HTMLElement} */ (row).dataset.key ?? '';
    if (wanted.has(key)) known.set(key, /** @type {Row} */ (row));
    else row.remove();
  }
  let next = parent.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    let row = known.get(key);
    if (row === undefined) {
      row = create(item);
      /** @type {HTMLElement} */ (/** @type {unknown} */ (row)).dataset.key = key;
      known.set(key, row);
    }
    update?.(row, item);
    if (row === next) next = next.nextElementSibling;
    else parent.insertBefore(row, next);
  }
}

/**
 * The options of a select, kept chosen where they stay.
 *
 * @param {HTMLSelectElement} select
 * @param {readonly string[]} values
 */
export function setOptions(select, values) {
  const chosen = select.value;
  if ([...select.options].map((option) => option.value).join('\n') === values.join('\n')) return;
  select.replaceChildren(...values.map((value) => h('option', { value }, value)));
  if (values.includes(chosen)) select.value = chosen;
}

/**
 * @param {string} label
 * @param {HTMLElement} control
 * @param {string} [className]
 */
export function field(label, control, className = '') {
  if (control.id === '') control.id = `field-${++fields}`;
  return h('div', { class: `field ${className}` }, h('label', { for: control.id }, label), control);
}

let fields = 0;
