/* SPDX-License-Identifier: Apache-2.0 */
/* The user's browser: $BROWSER, or xdg-open. */
#ifndef AEP_APP_BROWSER_H
#define AEP_APP_BROWSER_H

/** What is run. */
const char *aep__browser_name(void);
/** Has it open an address, in a process that nobody has to collect, and that has nothing of ours. 0: it has
 * been started; an errno: it cannot be. */
int aep__browser_open(const char *link);

#endif
