import { translator } from '../shared/i18n';
import { player } from '../shared/i18n/en/player';
import { shared } from '../shared/i18n/en/shared';

/** The words of this page. */
export const t = translator(shared, player);
