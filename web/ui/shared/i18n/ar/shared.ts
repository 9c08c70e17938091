import type { shared as english } from '../en/shared';
import type { Text } from '../index';

/** Words that more than one page uses. */
export const shared = {
  'app.name': 'Lectern',
  'action.close': 'إغلاق',
  'action.cancel': 'إلغاء',
  'action.retry': 'حاول مرة أخرى',
  'action.reload': 'أعد تحميل الصفحة',
  'action.sign_in': 'سجّل الدخول من جديد',
  'action.courses': 'دوراتك',
  'action.save': 'حفظ',
  'action.undo': 'تراجع',

  'length.h': '{n} س',
  'length.min': '{n} د',
  'length.s': '{n} ث',

  'span.minutes': {
    zero: 'أقل من دقيقة',
    one: 'دقيقة واحدة',
    two: 'دقيقتان',
    few: '{count} دقائق',
    many: '{count} دقيقة',
    other: '{count} دقيقة',
  },
  'span.hours': {
    zero: 'أقل من ساعة',
    one: 'ساعة واحدة',
    two: 'ساعتان',
    few: '{count} ساعات',
    many: '{count} ساعة',
    other: '{count} ساعة',
  },
  'span.days': {
    zero: 'أقل من يوم',
    one: 'يوم واحد',
    two: 'يومان',
    few: '{count} أيام',
    many: '{count} يومًا',
    other: '{count} يوم',
  },

  'time.yours': '{time} بتوقيتك، {city} ({zone})',
  'time.event': '{time} بتوقيت الفعالية، {city} ({zone})',
  'time.range': 'من {from} إلى {to}',

  'state.live': 'مباشر',
  'state.scheduled': 'مقرّرة',
  'state.ended': 'انتهت',

  'course.number': 'الدورة {number}',

  'connection.connecting': 'جارٍ الاتصال',
  'connection.good': 'اتصال جيد',
  'connection.weak': 'اتصال ضعيف',
  'connection.reconnecting': 'جارٍ إعادة الاتصال',

  'spans.watched': 'شوهد {time}',
  'spans.missed': 'فات {time}',
  'spans.missing': 'بقي {time}',
  'spans.ahead': 'قادم {time}',
  'spans.label_watched': 'شوهد: {list}.',
  'spans.label_missed': 'فات: {list}.',
  'spans.label_ahead': 'قادم: {list}.',
  'spans.label_none': 'لم يُشاهَد شيء بعد.',
  'spans.from_to': 'من {from} إلى {to}',

  'error.network': 'لا نستطيع الوصول إلى الخادم. تحقّق من اتصالك بالإنترنت ثم حاول مرة أخرى.',
  'error.timeout': 'تأخّر الخادم كثيرًا في الرد. حاول مرة أخرى.',
  'error.signed_out': 'لقد سُجّل خروجك. سجّل الدخول من جديد ثم عد إلى هذه الصفحة. ما كتبته محفوظ.',
  'error.forbidden': 'ليست هذه الصفحة لحسابك. سجّل الدخول بالحساب الذي دُعيت به.',
  'error.not_found': 'لم نجد هذه المحاضرة. افتحها مرة أخرى من قائمة دوراتك.',
  'error.conflict': 'غيّر أحدهم هذا في أثناء ذلك. اطّلع عليه ثم أعد تغييرك.',
  'error.too_many': 'كان ذلك سريعًا جدًا. انتظر لحظة ثم حاول مرة أخرى.',
  'error.server': 'حدث خطأ من جهتنا. حاول مرة أخرى بعد لحظات.',
  'error.page_title': 'توقّف هذا الجزء من الصفحة عن العمل',
  'error.page': 'أعد تحميل الصفحة. ما كتبته محفوظ.',

  loading: 'جارٍ التحميل',
} as const satisfies Record<keyof typeof english, Text>;
