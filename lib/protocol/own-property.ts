/**
 * Sets a property whose name comes from outside. A plain assignment to the one name `__proto__` would set the prototype
 * instead of a property.
 */
export function setProperty<T>(object: Record<string, T>, name: string, value: T): void {
  if (name === '__proto__') {
    Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
  } else {
    object[name] = value;
  }
}
