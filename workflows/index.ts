export { agent } from './agent.js';
export { request } from './request.js';
