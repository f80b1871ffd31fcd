// Starts the thread from TypeScript sources, where no build exists (tests, benches).
import { register } from 'tsx/esm/api';

register();
await import('./pglite-thread.ts');
