# written by `cqs-sheets service install`; the task of the same name runs it
import os
import runpy
import sys

os.chdir('C:\\Users\\Ann & Bob\\trades')
os.environ.update({'CQS_HOME': 'C:\\Users\\Ann & Bob\\trades\\home'})
sys.stdout = open(os.devnull, "w")
sys.stderr = open('C:\\Users\\Ann & Bob\\trades\\cqs-sheets.log.err', "w", encoding="utf-8", errors="backslashreplace")
sys.argv = ['cqs-sheets', 'watch', '--every', '60s', '--config', 'C:\\Users\\Ann & Bob\\trades\\cqs-sheets.toml', '--log-file', 'cqs-sheets.log', '-q']
runpy.run_module("cqs_sheets", run_name="__main__")
