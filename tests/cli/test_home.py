# SPDX-License-Identifier: Apache-2.0
"""A HOME that belongs to another user, as sudo and su leave it. Needs root, to become that user."""
import os
import unittest

from harness import AepTest

OTHER = 65534
PUBLISH = ("publish", "started", "--agent", "a", "--request", "r")


@unittest.skipUnless(os.geteuid() == 0, "only root can be another user")
class Home(AepTest):
    def setUp(self):
        super().setUp()
        os.chmod(self.folder, 0o755)
        self.home = os.path.join(self.folder, "home")
        os.mkdir(self.home, 0o755)
        self.env |= {"HOME": self.home}
        del self.env["XDG_STATE_HOME"], self.env["XDG_CONFIG_HOME"]

    def test_root_makes_nothing_in_another_users_home(self):
        os.chown(self.home, OTHER, OTHER)
        done = self.run_aep(*PUBLISH, status=1)
        self.assertIn(f"user {OTHER}", done.stderr)
        self.assertIn("sudo -H", done.stderr)
        self.assertEqual(os.listdir(self.home), [])
        self.run_aep(*PUBLISH, user=OTHER)

    def test_who_may_not_write_in_a_home_hears_whose_it_is(self):
        done = self.run_aep(*PUBLISH, user=OTHER, status=1)
        self.assertIn("a folder of user 0", done.stderr)
        self.assertIn("set HOME", done.stderr)

    def test_a_home_that_is_to_be_made_is_made(self):
        os.chmod(self.home, 0o1777)
        self.run_aep(*PUBLISH, user=OTHER, env={"HOME": f"{self.home}/new"})

    def test_roots_spool_in_a_named_folder_shuts_nobody_out_of_those_above(self):
        os.chown(self.home, OTHER, OTHER)
        folder = f"{self.home}/a/b/spool"
        self.run_aep(*PUBLISH, env={"AEP_SPOOL_DIR": folder})
        owners = [os.stat(path).st_uid for path in (f"{self.home}/a", f"{self.home}/a/b", folder)]
        self.assertEqual(owners, [OTHER, OTHER, 0])

    def test_root_leaves_nothing_beside_another_users_store(self):
        os.chown(self.home, OTHER, OTHER)
        self.run_aep(*PUBLISH, user=OTHER)
        for verb in (["list"], ["show", "-"], ["watch"], ["doctor", "--no-probe"]):
            done = self.run_aep(*verb, status=1)
            if verb[0] != "doctor":
                self.assertIn(f"belongs to user {OTHER}", done.stderr)
                self.assertIn("sudo -H", done.stderr)
        owners = {os.lstat(os.path.join(folder, name)).st_uid
                  for folder, _, names in os.walk(self.home) for name in names}
        self.assertEqual(owners, {OTHER})
        self.assert_lists("r", OTHER, self.home)

    def assert_lists(self, request, user, home):
        env = {"HOME": home}
        self.addCleanup(self.run_aep, "tracker", "stop", user=user, env=env, status=None)
        out = self.run_aep("list", "--json=user_request", "--wait=50s", user=user, env=env).stdout
        self.assertEqual(out, '{"user_request":"%s"}\n' % request)

    def test_users_list_their_own(self):
        homes = {}
        for user in (OTHER, OTHER - 1):
            homes[user] = os.path.join(self.home, str(user))
            os.mkdir(homes[user], 0o755)
            os.chown(homes[user], user, user)
            self.run_aep("publish", "started", "--agent", "a", "--request", str(user), user=user,
                         env={"HOME": homes[user]})
        for user, home in homes.items():
            self.assert_lists(str(user), user, home)
        store = os.path.join(homes[OTHER], ".local", "state", "aep", "tracker.db")
        for folder in (store, *(store.rsplit("/", n)[0] for n in range(1, 4))):
            os.chmod(folder, 0o755)  # another may read it, but it is not that one's
        done = self.run_aep("list", user=OTHER - 1, status=1,
                            env={"HOME": homes[OTHER - 1], "AEP_TRACK_STORE": store})
        self.assertIn(f"belongs to user {OTHER}", done.stderr)

    def test_where_a_home_cannot_be_written_list_says_what_to_do(self):
        for made in (False, True):
            if made:
                os.makedirs(os.path.join(self.home, ".local", "state", "aep"))
            for verb in (["list"], ["show", "-"], ["watch"]):
                done = self.run_aep(*verb, user=OTHER, status=1)
                self.assertIn(f"{self.home}/.local/state/aep", done.stderr)
                self.assertIn("set AEP_TRACK_STORE (track.store)", done.stderr)
        elsewhere = os.path.join(self.folder, "elsewhere")
        os.mkdir(elsewhere)
        os.chown(elsewhere, OTHER, OTHER)
        self.env["XDG_STATE_HOME"] = elsewhere
        self.run_aep(*PUBLISH, user=OTHER)
        self.assert_lists("r", OTHER, self.home)
