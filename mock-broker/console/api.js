// @ts-check
/** The control plane, from a page: requests, and events that go on after a break. */

/** @typedef {import('../admin/schemas.js').StateView} State */
/** @typedef {import('../admin/schemas.js').JournalEntryView} JournalEntry */
/** @typedef {import('../admin/schemas.js').ViolationView} Violation */

const RETRY_MS = 1000;

export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {string} message
   * @param {string} [name] of the field that was refused
   */
  constructor(status, message, name) {
    super(message);
    this.status = status;
    this.field = name;
  }
}

export class Api {
  /** @type {() => Promise<string>} */
  #askToken;
  #token = sessionStorage.getItem('token') ?? '';

  /** @param {() => Promise<string>} askToken asks the person, when one is needed */
  constructor(askToken) {
    this.#askToken = askToken;
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {unknown} [body]
   * @returns {Promise<any>} the answer
   */
  async call(method, path, body) {
    const response = await this.#fetch(path, {
      method,
      headers: body === undefined ? {} : { 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    return response.json();
  }

  /** @param {string} path */
  get(path) {
    return this.call('GET', path);
  }

  /**
   * Events until the page goes.
   *
   * @param {{ onEvent: (type: string, data: any) => void, onLink: (isUp: boolean) => void }} listener
   */
  async listen({ onEvent, onLink }) {
    let lastId = '';
    for (;;) {
      try {
        const headers = lastId === '' ? {} : { 'last-event-id': lastId };
        const response = await this.#fetch('/events', { headers });
        onLink(true);
        for await (const event of readEvents(response)) {
          lastId = event.id;
          onEvent(event.type, JSON.parse(event.data));
        }
      } catch {
        // Tried again below, whatever it was.
      }
      onLink(false);
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  /**
   * @param {string} path
   * @param {RequestInit} request
   * @returns {Promise<Response>}
   */
  async #fetch(path, request) {
    const headers = { ...request.headers, ...(this.#token !== '' && { authorization: `Bearer ${this.#token}` }) };
    const response = await fetch(path, { ...request, headers });
    if (response.ok) return response;
    if (response.status === 401) {
      this.#token = await this.#askToken();
      sessionStorage.setItem('token', this.#token);
      return this.#fetch(path, request);
    }
    const { error } = await response.json();
    throw new ApiError(response.status, error.message, error.field);
  }
}

/** @param {Response} response */
async function* readEvents(response) {
  const reader = /** @type {ReadableStream<Uint8Array>} */ (response.body).getReader();
  const decoder = new TextDecoder();
  let rest = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (rest + decoder.decode(value, { stream: true })).split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const fields = new Map(block.split('\n').map((line) => /** @type {[string, string]} */ (line.split(/: ?(.*)/s))));
      const data = fields.get('data');
      if (data !== undefined) yield { id: fields.get('id') ?? '', type: fields.get('event') ?? '', data };
    }
  }
}
