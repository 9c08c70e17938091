/** Whether the socket can be had: events and questions go by it. */
import type { PathState, Ticket } from '../shared/api';
import { helloFrame, parse, subprotocol } from '../shared/messages';
import type { Line } from '../shared/socket';

const patience = 8_000;

/** Opens a socket until it is welcomed, then closes it. Never rejects. */
export async function knock(
  ticket: () => Promise<Ticket>,
  open: (url: string) => Line = (url) => new WebSocket(url, subprotocol),
): Promise<PathState> {
  try {
    const pass = await ticket();
    const url = new URL(pass.socket, location.href);
    url.protocol = url.protocol.replace('http', 'ws');
    const line = open(url.href);
    return await new Promise<PathState>((tell) => {
      const finish = (state: PathState) => {
        clearTimeout(timer);
        line.onopen = line.onmessage = line.onclose = null;
        line.close();
        tell(state);
      };
      const timer = setTimeout(() => finish('fails'), patience);
      line.onopen = () => line.send(helloFrame(pass.ticket));
      line.onclose = () => finish('fails');
      line.onmessage = (event) => parse(String(event.data))?.type === 'welcome' && finish('works');
    });
  } catch {
    return 'fails';
  }
}
