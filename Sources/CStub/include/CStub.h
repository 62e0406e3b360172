#ifndef CSTUB_H
#define CSTUB_H
#endif
