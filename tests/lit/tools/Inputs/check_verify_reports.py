#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What verify.test wrote as JSON and JUnit says the same as the exit code did."""
import json
import os
import sys
import xml.etree.ElementTree as ElementTree

folder = sys.argv[1]


def load(name):
    with open(os.path.join(folder, name + ".json")) as file:
        return json.load(file), ElementTree.parse(os.path.join(folder, name + ".xml")).getroot()


for name, failures in (("right", 0), ("wrong", 1)):
    report, suite = load(name)
    assert report["failed"] == failures == int(suite.get("failures")), name
    assert len(report["checks"]) == len(suite) == int(suite.get("tests")) > 10, name
    assert sum(not check["good"] for check in report["checks"]) == failures == len(suite.findall("testcase/failure"))
    assert {"definition", "reference", "functional"} <= {check["stage"] for check in report["checks"]}, name
failed = [check for check in load("wrong")[0]["checks"] if not check["good"]]
assert failed[0]["stage"] == "recorded" and round(failed[0]["largest"]) == 25, failed
error = ElementTree.parse(os.path.join(folder, "error.xml")).getroot()
assert "not built for tw16" in error.find("testcase/failure").get("message")
