import sys; sys.path.insert(0,'/work/main/tests/integration')
from lab import Client
c=Client(14222)
if sys.argv[1]=='add': c.add_stream(subjects=['logs.snmp','logs.snmp.deadletter'])
else: print('stored', c.count())
