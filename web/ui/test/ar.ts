import type { Translation } from '../shared/i18n';
import { pathTest } from '../shared/i18n/en/path-test';
import { shared } from '../shared/i18n/en/shared';
import { pathTest as pathTestIn } from '../shared/i18n/ar/path-test';
import { shared as sharedIn } from '../shared/i18n/ar/shared';

/** The words of this page in Arabic. */
const words: Translation = [
  [shared, sharedIn],
  [pathTest, pathTestIn],
];

export default words;
