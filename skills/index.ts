import type { Skill } from '../contracts/skill.js';
import { answerAccess } from './answer-access/run.js';
import { askUser } from './ask-user/run.js';
import { calendarCancelEvent } from './calendar-cancel-event/run.js';
import { calendarCreateEvent } from './calendar-create-event/run.js';
import { calendarFindFree } from './calendar-find-free/run.js';
import { calendarListEvents } from './calendar-list-events/run.js';
import { calendarUpdateEvent } from './calendar-update-event/run.js';
import { cancelWork } from './cancel-work/run.js';
import { changeReminder } from './change-reminder/run.js';
import { contactsSearch } from './contacts-search/run.js';
import { emailDraft } from './email-draft/run.js';
import { emailRead } from './email-read/run.js';
import { emailSearch } from './email-search/run.js';
import { emailSend } from './email-send/run.js';
import { fileList } from './file-list/run.js';
import { fileRead } from './file-read/run.js';
import { fileWrite } from './file-write/run.js';
import { forget } from './forget/run.js';
import { listReminders } from './list-reminders/run.js';
import { listWork } from './list-work/run.js';
import { messageAgent } from './message-agent/run.js';
import { recordMeeting } from './record-meeting/run.js';
import { remember } from './remember/run.js';
import { requestAccess } from './request-access/run.js';
import { revokeAccess } from './revoke-access/run.js';
import { scheduleWork } from './schedule-work/run.js';
import { searchMemory } from './search-memory/run.js';
import { sendMessage } from './send-message/run.js';
import { setReminder } from './set-reminder/run.js';
import { spaceCreate } from './space-create/run.js';
import { spaceDeprecate } from './space-deprecate/run.js';
import { spaceGet } from './space-get/run.js';
import { spaceHistory } from './space-history/run.js';
import { spacePut } from './space-put/run.js';
import { spaceSearch } from './space-search/run.js';
import { spaceShare } from './space-share/run.js';
import { spaceSubscribe } from './space-subscribe/run.js';
import { spaceUpdate } from './space-update/run.js';
import { spawnAgent } from './spawn-agent/run.js';
import { steerWork } from './steer-work/run.js';
import { tasksCreate } from './tasks-create/run.js';
import { tasksList } from './tasks-list/run.js';
import { tasksUpdate } from './tasks-update/run.js';
import { transcribeAudio } from './transcribe-audio/run.js';
import { webFetch } from './web-fetch/run.js';
import { webSearch } from './web-search/run.js';

/** Every skill that ships with Retinue. The order is the order in which models see them; new ones go to the end. */
export const builtinSkills: readonly Skill[] = [
  tasksList,
  tasksCreate,
  tasksUpdate,
  contactsSearch,
  calendarListEvents,
  calendarFindFree,
  calendarCreateEvent,
  searchMemory,
  remember,
  forget,
  spaceSearch,
  spaceGet,
  spacePut,
  spaceUpdate,
  fileList,
  fileRead,
  fileWrite,
  askUser,
  sendMessage,
  emailSearch,
  emailRead,
  emailDraft,
  emailSend,
  calendarUpdateEvent,
  calendarCancelEvent,
  recordMeeting,
  transcribeAudio,
  spaceDeprecate,
  spaceHistory,
  spaceCreate,
  spaceShare,
  spaceSubscribe,
  webSearch,
  webFetch,
  spawnAgent,
  messageAgent,
  requestAccess,
  answerAccess,
  revokeAccess,
  listWork,
  steerWork,
  cancelWork,
  setReminder,
  listReminders,
  changeReminder,
  scheduleWork,
];
