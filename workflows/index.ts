export { agent } from './agent.js';
export { reminders } from './reminders.js';
export { request } from './request.js';
