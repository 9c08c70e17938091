/** The roles that an admin gives, in the order in which they are proposed. */
export const staffRoles = ['presenter', 'captioner', 'moderator', 'producer', 'admin', 'sponsor', 'auditor'] as const;
export type StaffRole = (typeof staffRoles)[number];
