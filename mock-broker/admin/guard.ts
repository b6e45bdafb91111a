import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import { ValidationError } from '../../lib/errors.js';
import { MockAdminError } from './errors.js';

/** Who may talk to the control plane: it can do anything to the cluster, and web pages of others can reach loopback. */

export interface Guard {
  /** @throws MockAdminError when the request comes from a page of somebody else */
  checkOrigin(headers: Headers): void;
  /** @throws MockAdminError when the token is missing or another */
  checkToken(headers: Headers): void;
}

/** Whether only this machine can reach an address. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

/** @throws ValidationError when others could reach it, and nothing keeps them out */
export function checkExposure(host: string, token: string | undefined): void {
  if (token !== undefined && !/^[\x21-\x7e]{1,200}$/.test(token)) {
    throw new ValidationError('http.token', 'a text', '1 to 200 characters that a header can hold, without spaces');
  }
  if (!isLoopback(host) && token === undefined) {
    throw new ValidationError('http.host', host, 'an address of this machine only, or any with a token');
  }
}

export function createGuard(host: string, token: string | undefined): Guard {
  return {
    checkOrigin(headers) {
      const named = headers.get('host') ?? '';
      // A foreign name that leads here is how a page of somebody else gets around the browser's rules.
      if (!isOurName(hostOf(named), host)) throw forbidden(`the host ${named} is not served here`);
      const origin = headers.get('origin');
      if (origin !== null && origin !== `http://${named}`) throw forbidden('a page of another origin asks');
      if (headers.get('sec-fetch-site') === 'cross-site') throw forbidden('a page of another site asks');
    },
    checkToken(headers) {
      if (token === undefined) return;
      const given = /^Bearer (.+)$/i.exec(headers.get('authorization') ?? '')?.[1];
      if (given === undefined || !isSame(given, token)) {
        throw new MockAdminError('ERR_MOCK_UNAUTHORIZED', 'a token is needed: Authorization: Bearer <token>');
      }
    },
  };
}

/** Addresses can't be made to lead elsewhere; names can, but for those of this machine and the one it was started with. */
function isOurName(name: string, host: string): boolean {
  if (isLoopback(name) || name === host) return true;
  return !isLoopback(host) && isIP(name) !== 0;
}

/** `[::1]:8080` and `localhost:8080` without the port. */
function hostOf(header: string): string {
  const match = /^(?:\[([^\]]+)\]|([^:]*))(?::\d+)?$/.exec(header);
  return (match?.[1] ?? match?.[2] ?? '').toLowerCase();
}

/** In a time that tells nothing about where they differ, or how long the right one is. */
function isSame(given: string, wanted: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(wanted));
}

function forbidden(message: string): MockAdminError {
  return new MockAdminError('ERR_MOCK_FORBIDDEN', message);
}
