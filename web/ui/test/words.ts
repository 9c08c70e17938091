import { translator } from '../shared/i18n';
import { pathTest } from '../shared/i18n/en/path-test';
import { shared } from '../shared/i18n/en/shared';

/** The words of this page. */
export const t = translator(shared, pathTest);
