import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';

/**
 * How TLS connections are made. The names and meanings are those of `tls.connect` of node:tls; what is left out keeps
 * Node's default. Without any option the peer's certificate is verified against Node's list of trusted authorities.
 */
export interface TlsOptions {
  /** Authorities to trust instead of Node's list, PEM. @default Node's list */
  readonly ca?: string | Buffer | readonly (string | Buffer)[];
  /** This client's certificate chain for mutual TLS, PEM. */
  readonly cert?: string | Buffer;
  /** The private key of {@link cert}, PEM. */
  readonly key?: string | Buffer;
  /** What {@link key} or {@link pfx} is encrypted with. */
  readonly passphrase?: string;
  /** Certificate and key of this client in one PKCS#12 file, instead of {@link cert} and {@link key}. */
  readonly pfx?: string | Buffer;
  /**
   * The name the certificate must be for, and the SNI name. Brokers advertise IP addresses, so it is often needed.
   *
   * @default the host of each address
   */
  readonly servername?: string;
  /** `false` accepts any certificate: for tests only, the connection can be listened to. @default true */
  readonly rejectUnauthorized?: boolean;
  /** Replaces Node's check that the certificate is for the host. */
  readonly checkServerIdentity?: ConnectionOptions['checkServerIdentity'];
  /** The lowest version to accept. @default 'TLSv1.2' */
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3';
  /** Cipher suites, in OpenSSL's notation. @default Node's list */
  readonly ciphers?: string;
}

/** The option as the user may write it, as one value: undefined is plaintext. */
export function normalizeTls(tls: TlsOptions | boolean | undefined): TlsOptions | undefined {
  if (tls === undefined || tls === false) return undefined;
  return tls === true ? {} : tls;
}

/** What `tls.connect` is called with. */
export function tlsConnectOptions(tls: TlsOptions, host: string, port: number): ConnectionOptions {
  const { ca, ...others } = tls;
  return {
    minVersion: 'TLSv1.2',
    // SNI carries names only; for an IP address Node checks the certificate against the host instead.
    ...(isIP(host) === 0 && { servername: host }),
    ...others,
    ...(ca !== undefined && { ca: Array.isArray(ca) ? Array.from<string | Buffer>(ca) : (ca as string | Buffer) }),
    host,
    port,
  };
}

/** What went wrong in a handshake and what to do about it, by the error's code. */
export function describeTlsFailure(error: unknown): string {
  const code = errorCode(error);
  const unusable = unusableOptions(error, code);
  if (unusable !== undefined) return unusable;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return 'its certificate is for another name; set tls.servername to the name in the certificate';
  }
  if (code === 'CERT_HAS_EXPIRED') return 'its certificate has expired; renew it there';
  if (CERTIFICATE_CODES.has(code)) {
    return 'its certificate is not trusted; give the authority that signed it as tls.ca';
  }
  if (code === 'ECONNRESET' || code === 'EPIPE') {
    return (
      'it closed the connection during the TLS handshake, so it probably speaks plaintext only; ' +
      'switch TLS on there (tls.server.mode) or leave the tls option out here'
    );
  }
  if (code === 'EPROTO' || code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG') {
    return 'it answered the TLS handshake with plaintext or another protocol; leave the tls option out or check the port';
  }
  if (isTlsAlert(error)) {
    return 'it refused this side; check tls.cert, tls.key and the TLS versions and ciphers of both sides';
  }
  return 'the TLS handshake failed; check the tls options and the TLS configuration of the peer';
}

/** What is wrong with this side's own certificate, key or ciphers. */
function unusableOptions(error: unknown, code: string): string | undefined {
  const words = error instanceof Error ? error.message : '';
  // A PKCS#12 file that can't be opened is told without a code.
  if (/BAD_DECRYPT|BAD_PASSWORD|INTERRUPTED_OR_CANCELLED/.test(code) || words === 'mac verify failure') {
    return 'tls.key, or tls.pfx, could not be opened; check tls.passphrase';
  }
  switch (code) {
    case 'ERR_OSSL_PEM_NO_START_LINE':
      return 'tls.cert or tls.key is no PEM';
    case 'ERR_OSSL_X509_KEY_VALUES_MISMATCH':
      return 'tls.key does not belong to tls.cert';
    case 'ERR_SSL_NO_CIPHER_MATCH':
      return 'tls.ciphers names no cipher suite that Node knows';
    default:
      return undefined;
  }
}

/** An alert of the peer, such as TLS 1.3 sends for a missing client certificate after the handshake looked done. */
export function isTlsAlert(error: unknown): boolean {
  return errorCode(error).startsWith('ERR_SSL_');
}

/** OpenSSL's names of certificate problems, as Node puts them into `code`. */
const CERTIFICATE_CODES: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_UNTRUSTED',
  'CERT_SIGNATURE_FAILURE',
  'CERT_NOT_YET_VALID',
  'CERT_REVOKED',
  'CERT_REJECTED',
  'INVALID_CA',
  'INVALID_PURPOSE',
]);

function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
