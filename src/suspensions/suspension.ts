/** Something that administrators stopped at once, with all that hangs on it: the kill switch. */
export type Suspension = Stopped & {
  reason: string;
  suspendedAt: Date;
};

export const suspendable = ['client', 'team', 'product', 'environment'] as const;
export type StoppedKind = (typeof suspendable)[number];
export type Stopped = { kind: StoppedKind; id: string };
