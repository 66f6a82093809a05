"""Writes the rows of the program beside it with XlsxWriter: ROWS FILE. Not encrypted."""

import json
import os
import sys
import time
from datetime import datetime

import xlsxwriter

rows, path = int(sys.argv[1]), sys.argv[2]
titles = ["Patient id", "Name", "Born", "Status", "Facility", "Provider", "Phone", "E-mail", "Insurance", "Member id", "Next visit", "Note"]

begin = time.monotonic()
book = xlsxwriter.Workbook(path, {"constant_memory": True})
sheet = book.add_worksheet("Patients")
bold = book.add_format({"bold": True})
date = book.add_format({"num_format": "yyyy-mm-dd"})
moment = book.add_format({"num_format": "yyyy-mm-ddThh:mm"})
sheet.freeze_panes(1, 0)
sheet.autofilter(0, 0, rows, len(titles) - 1)
for column, title in enumerate(titles):
    sheet.write_string(0, column, title, bold)
text = sheet.write_string
for i in range(rows):
    r = i + 1
    text(r, 0, f"P{i:07d}")
    text(r, 1, f"Patient Number {i}")
    sheet.write_datetime(r, 2, datetime(1900 + i % 60 + 30, i % 12 + 1, i % 28 + 1), date)
    text(r, 3, "Active")
    text(r, 4, "Riverside Clinic")
    text(r, 5, f"Dr. Provider {i % 40}")
    text(r, 6, f"+1512555{i % 10000:04d}")
    text(r, 7, f"patient.{i}@example.org")
    text(r, 8, "Blue Shield Silver")
    text(r, 9, f"{i * 7919 % 1_000_000_000:09d}")
    sheet.write_datetime(r, 10, datetime(2027, i % 12 + 1, i % 28 + 1, i % 9 + 8, 30), moment)
    text(r, 11, f"Prefers mornings & calls before visit {i % 500}; speaks English.")
book.close()
took = time.monotonic() - begin

with open("/proc/self/status") as status:
    peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
json.dump({"Seconds": took, "Peak": peak, "Bytes": os.path.getsize(path)}, sys.stdout)
