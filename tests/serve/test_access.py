# SPDX-License-Identifier: Apache-2.0
"""Who may read: the token, the cookie, names of the host, other sites' pages."""
import os
import re
import stat
import unittest

from serving import ServeTest

OTHER = 65534
OPEN = ("/", "/healthz", "/readyz")
CLOSED = ("/metrics", "/api/v1/executions", "/api/v1/executions/x", "/api/v1/executions/x/events",
          "/api/v1/executions/x/tree", "/api/v1/counts", "/api/v1/facets", "/api/v1/stream", "/api/v1/openapi.json")


class Token(ServeTest):
    def setUp(self):
        super().setUp()
        self.serve()

    def test_everything_but_the_page_and_health_asks_for_it(self):
        for path in OPEN:
            self.assertEqual(self.request(path, token=False).status, 200, path)
        asset = re.search(r'"(/assets/[^"]+)"', self.request("/", token=False).body.decode())[1]
        self.assertEqual(self.request(asset, token=False).status, 200)
        for path in CLOSED:
            reply = self.request(path, token=False)
            self.assertEqual(reply.status, 401, path)
            self.assertEqual(reply.headers["WWW-Authenticate"], "Bearer")
        reply = self.request("/api/v1/session", method="POST", token=False)
        self.assertEqual(reply.status, 401)

    def test_a_wrong_one_is_none(self):
        wrong = self.token[:-1] + ("a" if self.token[-1] != "a" else "b")
        for value in ("", "Bearer", "Bearer ", f"Bearer {wrong}", f"Bearer {self.token}x",
                      f"Bearer {self.token[:-1]}", f"Basic {self.token}", self.token,
                      f"Bearer {self.token} {self.token}"):
            self.get("counts", status=401, headers={"Authorization": value})
        self.get("counts", headers={"Authorization": f"bearer  {self.token}"})
        self.get("counts?token=" + self.token, status=401, token=False)

    def test_a_browser_gets_a_cookie_for_it(self):
        reply = self.get("session", method="POST")
        cookie, *attributes = reply.headers["Set-Cookie"].split("; ")
        self.assertEqual(cookie.partition("=")[0], f"aep-{self.address[1]}")
        self.assertLessEqual({"HttpOnly", "SameSite=Strict", "Path=/"}, set(attributes))
        self.assertNotIn(self.token, cookie)
        for cookies in (cookie, f"a=b; {cookie}", f"{cookie}; a=b", f"x{cookie}; {cookie}"):
            self.get("counts", headers={"Cookie": cookies}, token=False)
        for cookies in (cookie[:-1], cookie + "x", "x" + cookie, cookie.replace("aep-", "aep-1"),
                        f"{cookie.partition('=')[0]}={self.token}", cookie.partition("=")[0] + "="):
            self.get("counts", status=401, headers={"Cookie": cookies}, token=False)
        reply = self.get("session", method="POST", status=401, headers={"Cookie": cookie},
                         token=False)
        self.assertIsNone(reply.headers["Set-Cookie"])

    def test_it_is_kept_and_private(self):
        cookie = self.get("session", method="POST").headers["Set-Cookie"].split(";")[0]
        folder = os.path.dirname(self.store)
        for name in ("serve.token", "serve.session"):
            mode = os.stat(os.path.join(folder, name)).st_mode
            self.assertEqual(stat.S_IMODE(mode), 0o600, name)
        before, port = self.token, self.address[1]
        self.run_aep("tracker", "stop")
        self.serve(listen=f"127.0.0.1:{port}")
        self.assertEqual(self.token, before)
        self.get("counts", headers={"Cookie": cookie}, token=False)


class TokenFile(ServeTest):
    def write(self, text, mode=0o600):
        path = os.path.join(self.folder, "token")
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def refused(self, *args):
        return self.run_aep("serve", "--listen", "127.0.0.1:0", *args, status=1).stderr

    def test_it_may_be_another_file(self):
        self.serve("--token-file", self.write("a-token-of-my-own\n"))
        self.assertEqual(self.token, "a-token-of-my-own")
        self.get("counts")

    def test_one_that_is_no_good_is_refused(self):
        self.assertIn("chmod 600", self.refused("--token-file", self.write("a" * 20, 0o640)))
        self.assertIn("holds no token", self.refused("--token-file", self.write("short")))
        self.assertIn("holds no token", self.refused("--token-file", self.write("a" * 600)))
        self.assertIn("holds no token", self.refused("--token-file", self.write("a" * 20 + " b")))
        self.assertIn("cannot read", self.refused("--token-file", self.folder + "/none"))
        self.assertIn("is not a file", self.refused("--token-file", self.folder))

    @unittest.skipUnless(os.geteuid() == 0, "only root can give a file of root's to another user")
    def test_roots_may_be_read_by_our_group(self):
        os.chown(self.folder, OTHER, OTHER)
        path = self.write("a" * 20)
        another = {"user": OTHER, "group": OTHER, "extra_groups": []}
        for owner, mode in ((OTHER, 0o440), (0, 0o444), (0, 0o460)):
            os.chown(path, owner, OTHER)
            os.chmod(path, mode)
            done = self.run_aep("serve", "--listen", "127.0.0.1:0", "--token-file", path, status=1, **another)
            self.assertIn("chmod 600", done.stderr, (owner, mode))
        os.chmod(path, 0o440)
        self.serve("--token-file", path, **another)
        self.get("counts")
        self.run_aep("tracker", "stop", **another)

    def test_without_one_only_this_machine_is_served(self):
        for address in ("0.0.0.0:0", ":0", "[::]:0"):
            done = self.run_aep("serve", "--listen", address, status=1)
            self.assertIn("--token-file", done.stderr)
        self.serve("--token-file", self.write("a" * 20), listen="0.0.0.0:0", ready=False)

    def test_a_wrong_address_is_refused(self):
        for address in ("", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:70000", "::1:1",
                        "no such host:1"):
            done = self.run_aep("serve", "--listen", address, status=None)
            self.assertIn(done.returncode, (1, 2), address)
            self.assertIn("127.0.0.1:7450", done.stderr)


class Names(ServeTest):
    def status(self, host, **headers):
        return self.request("/api/v1/counts", headers={"Host": host, **headers}).status

    def test_only_our_own_are_answered(self):
        self.serve("--host", "aep.example.org,B.example")
        port = self.address[1]
        for host in ("127.0.0.1", f"127.0.0.1:{port}", f"localhost:{port}", "LOCALHOST", "[::1]",
                     f"[::1]:{port}", "aep.example.org", "aep.example.org:443", "b.example"):
            self.assertEqual(self.status(host), 200, host)
        for host in ("evil.example", "evil.example:7450", "localhost.evil.example", "127.0.0.1.x",
                     "aep.example.org.", "a@localhost", "localhost:1:2", "::1",
                     "[::1", "", "127.0.0.2", "localhost:x"):
            self.assertIn(self.status(host), (400, 421), host)
        for path in OPEN:
            self.assertEqual(self.request(path, headers={"Host": "evil.example"}).status, 421)

    def test_a_name_may_be_given_with_its_port(self):
        self.serve("--host", "aep.example.org:8443, b.example ,,[fd00::1]")
        for host in ("aep.example.org:8443", "aep.example.org", "b.example", "[fd00::1]:8443"):
            self.assertEqual(self.status(host), 200, host)

    def test_what_is_no_name_is_refused(self):
        for name in ("https://aep.example.org", "b.example,*", "a b", "aep.example.org/", "::1", ":1"):
            done = self.run_aep("serve", "--listen", "127.0.0.1:0", "--host", name, status=None)
            self.assertIn(done.returncode, (1, 2), name)
            self.assertIn("is no name of a host: write it as aep.example.org", done.stderr)

    def test_a_page_of_another_site_is_not_answered(self):
        self.serve()
        self.assertEqual(self.status("localhost", Origin=f"http://{self.host}"), 200)
        for origin in ("http://evil.example", "null", "https://localhost.evil.example", ""):
            self.assertEqual(self.status("localhost", Origin=origin), 403, origin)
        reply = self.request("/api/v1/counts", headers={"Origin": f"http://{self.host}"})
        self.assertFalse([name for name in reply.headers if name.startswith("Access-Control")])


class Headers(ServeTest):
    def test_every_reply_is_fenced_in(self):
        self.serve()
        for path in (*OPEN, *CLOSED[:1], "/api/v1/counts", "/nothing", "/api/v1/executions?x=y"):
            headers = self.request(path).headers
            policy = dict(part.split(" ", 1) for part in
                          headers["Content-Security-Policy"].split("; "))
            self.assertEqual(policy["default-src"], "'none'")
            self.assertEqual(policy["frame-ancestors"], "'none'")
            self.assertNotIn("unsafe", str(policy))
            self.assertEqual(headers["X-Content-Type-Options"], "nosniff")
            self.assertEqual(headers["Referrer-Policy"], "no-referrer")
        stream = self.stream()
        self.assertEqual(stream.response.headers["X-Content-Type-Options"], "nosniff")
        self.assertEqual(stream.response.headers["Cache-Control"], "no-store")


if __name__ == "__main__":
    unittest.main()
