/* Made from web/elements/ by script/pack. */
import { Options, Causerie } from './client.js';

/** Gives the elements a client that the caller starts and stops. @param {Causerie | null} client */
declare function connect(client: Causerie | null): void;
/** Makes the page's client and starts it. @param {Options} options @returns {Causerie} */
declare function configure(options: Options): Causerie;

export { configure, connect };
