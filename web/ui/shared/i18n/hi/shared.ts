import type { shared as english } from '../en/shared';
import type { Text } from '../index';

/** Words that more than one page uses. */
export const shared = {
  'app.name': 'Lectern',
  'action.close': 'बंद करें',
  'action.cancel': 'रद्द करें',
  'action.retry': 'फिर से प्रयास करें',
  'action.reload': 'पेज फिर से लोड करें',
  'action.sign_in': 'फिर से साइन इन करें',
  'action.courses': 'आपके पाठ्यक्रम',
  'action.save': 'सहेजें',
  'action.undo': 'वापस लें',

  'length.h': '{n} घंटे',
  'length.min': '{n} मिनट',
  'length.s': '{n} सेकंड',

  'span.minutes': { one: '{count} मिनट', other: '{count} मिनट' },
  'span.hours': { one: '{count} घंटा', other: '{count} घंटे' },
  'span.days': { one: '{count} दिन', other: '{count} दिन' },

  'time.yours': '{time}, आपका समय, {city} ({zone})',
  'time.event': '{time}, आयोजन का समय, {city} ({zone})',
  'time.range': '{from} से {to}',

  'state.live': 'लाइव',
  'state.scheduled': 'निर्धारित',
  'state.ended': 'समाप्त',

  'course.number': 'पाठ्यक्रम {number}',

  'connection.connecting': 'जुड़ रहा है',
  'connection.good': 'अच्छा कनेक्शन',
  'connection.weak': 'कमज़ोर कनेक्शन',
  'connection.reconnecting': 'फिर से जुड़ रहा है',

  'spans.watched': 'देखा गया {time}',
  'spans.missed': 'छूटा {time}',
  'spans.missing': 'बाकी {time}',
  'spans.ahead': 'आगे {time}',
  'spans.label_watched': 'देखा गया: {list}।',
  'spans.label_missed': 'छूटा: {list}।',
  'spans.label_ahead': 'आगे: {list}।',
  'spans.label_none': 'अभी कुछ नहीं देखा गया।',
  'spans.from_to': '{from} से {to}',

  'error.network': 'हम सर्वर तक नहीं पहुँच पा रहे हैं। अपना इंटरनेट कनेक्शन जाँचें और फिर से प्रयास करें।',
  'error.timeout': 'सर्वर ने उत्तर देने में बहुत समय लिया। फिर से प्रयास करें।',
  'error.signed_out': 'आप साइन आउट हो चुके हैं। फिर से साइन इन करके इस पेज पर लौटें। आपका लिखा हुआ सुरक्षित है।',
  'error.forbidden': 'यह पेज आपके खाते के लिए नहीं है। उस खाते से साइन इन करें जिसे आमंत्रित किया गया था।',
  'error.not_found': 'यह व्याख्यान नहीं मिला। इसे अपने पाठ्यक्रमों की सूची से फिर खोलें।',
  'error.conflict': 'इस बीच किसी ने इसे बदल दिया है। इसे फिर से देखें और अपना बदलाव दोहराएँ।',
  'error.too_many': 'यह बहुत जल्दी था। थोड़ा रुककर फिर से प्रयास करें।',
  'error.server': 'हमारी ओर से कुछ गड़बड़ हुई। थोड़ी देर में फिर से प्रयास करें।',
  'error.page_title': 'पेज के इस भाग ने काम करना बंद कर दिया',
  'error.page': 'पेज फिर से लोड करें। आपका लिखा हुआ सुरक्षित है।',

  loading: 'लोड हो रहा है',
} as const satisfies Record<keyof typeof english, Text>;
