import { newSecret } from '../base/secrets.ts';

/** What stands before APIs and asks us about every call: one, or several that are set up alike. */
export type Gateway = {
  id: string;
  name: string;
  /** The customer environment it stands before: only products that open this base URL count. Null: all. */
  baseUrlName: string | null;
  createdAt: Date;
};

/** By which we know a gateway again. Its value is not here: only its SHA-256 is kept. */
export type GatewayCredential = {
  id: string;
  /** What a page may show of it. */
  lastFour: string;
  createdAt: Date;
  /** Null: an operator at the machine, or somebody who is gone. */
  createdByName: string | null;
  /** Null: until somebody ends it. */
  expiresAt: Date | null;
};

/** How many may be live at once: the one in use, and the one that takes its place. */
export const mostCredentials = 2;

const prefix = 'sg_gw_';
const form = /^sg_gw_[0-9A-Za-z_-]{43}$/;

/** `sg_gw_` and 256 random bits: secret scanners can recognise it. */
export const newCredential = (): string => prefix + newSecret();

/** Whether it could be one of ours: an invented one need not be looked for. */
export const looksLikeCredential = (value: string): boolean => form.test(value);
