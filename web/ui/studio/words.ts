import { translator } from '../shared/i18n';
import { shared } from '../shared/i18n/en/shared';
import { studio } from '../shared/i18n/en/studio';

/** The words of this page. */
export const t = translator(shared, studio);
