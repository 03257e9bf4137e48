# SPDX-License-Identifier: Apache-2.0
"""packaging/sbom: what it says of packages made for the test, by hand, in the forms of the real ones."""
import hashlib
import io
import json
import os
import pathlib
import re
import shutil
import subprocess
import tarfile
import tempfile
import unittest
import zipfile

SOURCE = pathlib.Path(__file__).resolve().parents[2]
DEADLINE_S = 240  # spdx-tools may have to be installed first
INSTALLED = """\
Installed-Build-Depends:
 binutils (= 2.40-2),
 gcc-12 (= 12.2.0-14+deb12u1),
 gcc-12-aarch64-linux-gnu (= 12.2.0-14cross1),
 libc6 (= 2.36-9+deb12u10),
 libc6:arm64 (= 2.36-9+deb12u11),
 librdkafka1 (= 2.0.2-1),
 tar (= 1.34+dfsg-1.2+deb12u1)
"""
# As Debian's copyright files call licences, and SPDX does.
LICENCES = {"Expat": "MIT", "BSD-2-clause": "BSD-2-Clause", "Zlib": "Zlib", "PostgreSQL": "PostgreSQL",
            "LGPL-2.1+": "LGPL-2.1-or-later", "public-domain": "blessing",
            "MIT/X11": "X11-distribute-modifications-variant",
            "X11": "X11-distribute-modifications-variant"}
LIBRARIES = ("libjansson4", "libmicrohttpd12", "libncursesw6", "libpq5", "librdkafka1", "libsqlite3-0",
             "zlib1g")


class Sbom(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="aep-sbom-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.out = self.folder / "out"
        (self.out / "bookworm").mkdir(parents=True)
        (self.out / "aep-0.0.2.tar.xz").write_text("source")

    def sbom(self, status=0):
        """Runs packaging/sbom; returns what it says on stderr."""
        done = subprocess.run([str(SOURCE / "packaging/sbom")], text=True, timeout=DEADLINE_S,
                              env={**os.environ, "OUT": str(self.out), "VERSION": "0.0.2",
                                   "SOURCE_DATE_EPOCH": "1700000000"},
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stderr

    @property
    def text(self):
        return (self.out / "aep-0.0.2.spdx.json").read_text()

    def packages(self):
        """The packages by their file, or else by name and version."""
        self.sbom()
        return {package.get("packageFileName", f"{package['name']} {package.get('versionInfo', '')}"):
                package for package in json.loads(self.text)["packages"]}

    def relations(self):
        """The relations between packages, by the same names."""
        names = {package["SPDXID"]: name for name, package in self.packages().items()}
        return {(names.get(one["spdxElementId"]), one["relationshipType"],
                 names[one["relatedSpdxElement"]]) for one in json.loads(self.text)["relationships"]}

    def make_deb(self, name, *more, architecture="amd64", distribution="bookworm"):
        """Makes a .deb with these fields."""
        tree = self.folder / "deb"
        (tree / "DEBIAN").mkdir(parents=True)
        (tree / "DEBIAN/control").write_text("\n".join((
            f"Package: {name}", "Version: 0.0.2-1~deb12u1", f"Architecture: {architecture}",
            "Maintainer: A <a@example.org>", *more, "Description: a package", "")))
        tree.chmod(0o755)
        (tree / "DEBIAN").chmod(0o755)
        path = self.out / f"{distribution}/{name}_0.0.2-1~deb12u1_{architecture}.deb"
        path.parent.mkdir(exist_ok=True)
        subprocess.run(["dpkg-deb", "--root-owner-group", "--build", tree, path], check=True,
                       stdout=subprocess.DEVNULL)
        shutil.rmtree(tree)
        return path

    def make_buildinfo(self, *debs):
        """The .buildinfo of the build that made these."""
        sums = "".join(f" {hashlib.sha256(deb.read_bytes()).hexdigest()} {deb.stat().st_size} {deb.name}\n"
                       for deb in debs)
        name = debs[0].name.replace(".deb", ".buildinfo")
        (debs[0].parent / name).write_text(
            f"Format: 1.0\nSource: aep\nChecksums-Sha256:\n{sums}{INSTALLED}")

    def make_image(self, architecture, **versions):
        """A container image, of packages of these versions; as packaging/image writes it."""
        def archive(files, mode):
            data = io.BytesIO()
            with tarfile.open(fileobj=data, mode=mode) as tar:
                for name, content in files.items():
                    (member := tarfile.TarInfo(name)).size = len(content)
                    tar.addfile(member, io.BytesIO(content))
            return data.getvalue()

        place = "./var/lib/dpkg/status.d/"
        layer = archive({place + name + end: text.encode() for name, version in versions.items() for end, text in (
            ("", f"Package: {name}\nArchitecture: {architecture}\nVersion: {version}\n"), (".md5sums", "sums"))}, "w:gz")
        image = archive({"blobs/sha256/1": layer,
                         "manifest.json": json.dumps([{"Layers": ["blobs/sha256/1"]}]).encode()}, "w")
        (self.out / f"aep-0.0.2-oci-{architecture}.tar").write_bytes(image)

    def test_an_image_contains_packages_of_debian_and_ours(self):
        deb, other = self.make_deb("aep"), self.make_deb("aep", architecture="arm64")
        self.make_buildinfo(deb, other)
        self.make_image("arm64", aep="0.0.2-1~deb12u1", libc6="2.36-9")
        image = "aep-0.0.2-oci-arm64.tar"
        self.assertEqual(self.packages()[image]["primaryPackagePurpose"], "CONTAINER")
        self.assertEqual({other for one, relation, other in self.relations() if (one, relation) == (image, "CONTAINS")},
                         {"bookworm/aep_0.0.2-1~deb12u1_arm64.deb", "libc6 2.36-9"})
        self.assertEqual(self.packages()["libc6 2.36-9"]["licenseDeclared"], "LGPL-2.1-or-later")

    def test_an_artefact_has_its_sum_version_and_licence(self):
        deb = self.make_deb("libaep0")
        self.make_buildinfo(deb)
        (self.out / "aep-0.0.2.tar.gz").write_text("sdist")
        packages = self.packages()
        name = "bookworm/libaep0_0.0.2-1~deb12u1_amd64.deb"
        for file, version, purl in (
                (name, "0.0.2-1~deb12u1",
                 "pkg:deb/aep/libaep0@0.0.2-1~deb12u1?arch=amd64&distro=bookworm"),
                ("aep-0.0.2.tar.xz", "0.0.2", "pkg:generic/aep@0.0.2?checksum=sha256:"),
                ("aep-0.0.2.tar.gz", "0.0.2", "pkg:generic/aep@0.0.2?checksum=sha256:")):
            package = packages[file]
            digest = hashlib.sha256((self.out / file).read_bytes()).hexdigest()
            self.assertEqual(package["checksums"], [{"algorithm": "SHA256", "checksumValue": digest}])
            self.assertEqual((package["versionInfo"], package["licenseDeclared"]), (version, "Apache-2.0"))
            locator = package["externalRefs"][0]["referenceLocator"]
            self.assertEqual(locator, purl + digest * purl.endswith(":"))
        relations = self.relations()
        self.assertIn((None, "DESCRIBES", name), relations)
        for file in (name, "aep-0.0.2.tar.gz"):
            self.assertIn((file, "GENERATED_FROM", "aep-0.0.2.tar.xz"), relations)

    def test_a_deb_names_what_is_linked_into_it_and_what_it_needs(self):
        library = self.make_deb("libaep0")
        deb = self.make_deb(
            "aep", "Pre-Depends: init-system-helpers (>= 1.54~)",
            "Depends: libaep0 (= 0.0.2-1~deb12u1), libc6 (>= 2.36), librdkafka2 | librdkafka1 (>= 2.0.2)",
            "Recommends: libpq5", "Suggests: python3:any", "Built-Using: zlib (= 1.2)",
            "Static-Built-Using: glibc (= 2.36-9+deb12u10), jansson (= 2.14-2)")
        self.make_buildinfo(deb, library)
        this, ours = f"bookworm/{deb.name}", f"bookworm/{library.name}"
        relations = self.relations()
        self.assertEqual({relation for relation in relations if this in relation}, {
            (None, "DESCRIBES", this),
            (this, "GENERATED_FROM", "aep-0.0.2.tar.xz"),
            (this, "STATIC_LINK", "glibc 2.36-9+deb12u10"),
            (this, "STATIC_LINK", "jansson 2.14-2"),
            (this, "STATIC_LINK", "zlib 1.2"),
            (this, "DEPENDS_ON", ours),
            (this, "DEPENDS_ON", "init-system-helpers "),
            (this, "DEPENDS_ON", "libc6 2.36-9+deb12u10"),
            (this, "DEPENDS_ON", "librdkafka1 2.0.2-1"),
            ("libpq5 ", "OPTIONAL_DEPENDENCY_OF", this),
            ("python3 ", "OPTIONAL_DEPENDENCY_OF", this),
            ("binutils 2.40-2", "BUILD_TOOL_OF", this),
            ("gcc-12 12.2.0-14+deb12u1", "BUILD_TOOL_OF", this),
            ("gcc-12-aarch64-linux-gnu 12.2.0-14cross1", "BUILD_TOOL_OF", this),
        })
        jansson = self.packages()["jansson 2.14-2"]
        self.assertEqual(jansson["licenseDeclared"], "MIT")
        self.assertEqual(self.packages()["glibc 2.36-9+deb12u10"]["externalRefs"][0]["referenceLocator"],
                         "pkg:deb/debian/glibc@2.36-9%2Bdeb12u10?distro=bookworm&arch=source")
        self.assertEqual(self.packages()["init-system-helpers "]["licenseDeclared"], "NOASSERTION")

    def test_a_deb_that_was_cross_built_has_the_versions_of_its_architecture(self):
        native, cross = (self.make_deb("aep", "Depends: libaep0, libc6", architecture=architecture)
                         for architecture in ("amd64", "arm64"))
        library = self.make_deb("libaep0", architecture="arm64")
        self.make_buildinfo(native)
        self.make_buildinfo(cross, library)
        relations = self.relations()
        self.assertIn((f"bookworm/{native.name}", "DEPENDS_ON", "libc6 2.36-9+deb12u10"), relations)
        self.assertIn((f"bookworm/{cross.name}", "DEPENDS_ON", "libc6 2.36-9+deb12u11"), relations)
        self.assertIn((f"bookworm/{cross.name}", "DEPENDS_ON", f"bookworm/{library.name}"), relations)
        self.assertIn((f"bookworm/{native.name}", "DEPENDS_ON", "libaep0 "), relations)

    def test_a_deb_needs_those_of_its_distribution(self):
        for distribution in ("trixie", "bookworm"):
            debs = [self.make_deb("libaep0", distribution=distribution),
                    self.make_deb("aep", "Depends: libaep0", distribution=distribution)]
            self.make_buildinfo(*debs)
        needed = {one for one in self.relations() if one[1] == "DEPENDS_ON"}
        self.assertEqual(needed, {
            (f"{distribution}/{debs[1].name}", "DEPENDS_ON", f"{distribution}/{debs[0].name}")
            for distribution in ("trixie", "bookworm")})

    def test_a_deb_of_no_build_is_refused(self):
        deb = self.make_deb("libaep0")
        self.assertIn("no .buildinfo", self.sbom(status=1))
        self.make_buildinfo(deb)
        self.sbom()
        self.make_deb("libaep0", "Section: libs")  # made again, without its .buildinfo
        self.assertIn("no .buildinfo", self.sbom(status=1))

    def test_without_the_source_archive_it_is_refused(self):
        (self.out / "aep-0.0.2.tar.xz").unlink()
        self.assertIn("packaging/source", self.sbom(status=1))

    def make_wheel(self, name, files):
        with zipfile.ZipFile(self.out / name, "w") as wheel:
            for file, content in files.items():
                wheel.writestr(file, content)

    def test_a_wheel_names_what_it_carries_and_needs(self):
        program = pathlib.Path(shutil.which("true")).resolve().read_bytes()
        component = {"name": "librdkafka1", "version": "2.0.2-1", "type": "library",
                     "purl": "pkg:deb/debian/librdkafka1@2.0.2-1"}
        wheel = "aep-0.0.2-cp39-abi3-linux_x86_64.whl"
        self.make_wheel(wheel, {
            "aep/program": program, "aep/text": "text",
            "aep-0.0.2.dist-info/sboms/auditwheel.cdx.json": json.dumps({"components": [
                {"name": "aep", "version": "0.0.2", "purl": "pkg:pypi/aep@0.0.2"}, component]})})
        relations = self.relations()
        self.assertEqual({relation for relation in relations if relation[0] == wheel}, {
            (wheel, "GENERATED_FROM", "aep-0.0.2.tar.xz"),
            (wheel, "CONTAINS", "librdkafka1 2.0.2-1"),
            (wheel, "DEPENDS_ON", "libc.so.6 "),
        })
        self.make_wheel(wheel, {"aep/program": program, "aep.libs/libc.so.6": "carried"})
        self.assertNotIn((wheel, "DEPENDS_ON", "libc.so.6 "), self.relations())
        self.make_wheel("aep_omniclaude-0.0.2-py3-none-any.whl", {"agents/a.py": ""})
        package = self.packages()["aep_omniclaude-0.0.2-py3-none-any.whl"]
        self.assertEqual((package["name"], package["versionInfo"]), ("aep-omniclaude", "0.0.2"))

    def test_what_is_no_valid_spdx_is_not_written(self):
        self.make_wheel("aep-0.0.2-py3-none-any.whl", {"aep-0.0.2.dist-info/sboms/a.cdx.json": json.dumps(
            {"components": [{"name": "x", "version": "1", "purl": "no purl"}]})})
        self.assertIn("no purl", self.sbom(status=1))
        self.assertFalse((self.out / "aep-0.0.2.spdx.json").exists())

    def test_it_is_the_same_twice_and_another_for_other_bytes(self):
        deb = self.make_deb("libaep0", "Depends: libc6, librdkafka1")
        self.make_buildinfo(deb)
        self.sbom()
        first = self.text
        self.assertEqual(json.loads(first)["creationInfo"]["created"], "2023-11-14T22:13:20Z")
        os.utime(deb, (0, 0))
        copy = shutil.copytree(self.out, self.folder / "copy")
        self.out = copy
        self.sbom()
        self.assertEqual(self.text, first)
        (self.out / "aep-0.0.2.tar.xz").write_text("another source")
        self.sbom()
        self.assertNotEqual(json.loads(self.text)["documentNamespace"],
                            json.loads(first)["documentNamespace"])

    def test_licences_are_those_of_debians_copyright_files(self):
        deb = self.make_deb("aep", "Depends: " + ", ".join(LIBRARIES + ("libmicrohttpd12t64",)))
        self.make_buildinfo(deb)
        packages = {package["name"]: package for package in self.packages().values()}
        self.assertEqual(packages["libmicrohttpd12t64"]["licenseDeclared"], "LGPL-2.1-or-later")
        compared = []
        for name in LIBRARIES:
            for path in pathlib.Path("/usr/share/doc").glob(f"{name}*/copyright"):
                main = re.search(r"^Files: *\n? *\*\n(?:.+\n)*?License: *(\S+)", path.read_text(), re.M)
                if main:
                    self.assertEqual(packages[name]["licenseDeclared"], LICENCES[main[1]], name)
                    compared.append(name)
        self.assertLess({"libjansson4", "librdkafka1", "zlib1g"}, set(compared))


if __name__ == "__main__":
    unittest.main()
