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
