/** One request that was signed by the reference. */
export interface SignedRequest {
  readonly name: string;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly securityToken?: string;
  readonly fields: Readonly<Record<string, string>>;
  /** Hex. */
  readonly body: string;
  readonly signature: string;
}
